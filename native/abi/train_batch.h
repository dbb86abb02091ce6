// The batch that the calls of a trainer work on.
#pragma once
#include "core/memory.h"
#include "model/check.h"
#include "model/trainer.h"

namespace maque {

/// A batch as the ABI passes it.
struct BatchArguments {
  TextArguments texts;
  const float* trunk;
  int64_t trunk_len;
  const int32_t* labels;
  const float* soft;
  const int32_t* has_soft;
};

/// A checked copy of a batch. Its memory grows, and never shrinks.
class HeldBatch {
 public:
  /// Checks everything against the geometry and the kind of trunk (Trainer::trunk_kind), and copies it. A
  /// batch that is refused leaves none.
  Status take(const Geometry& g, int32_t trunk_kind, const BatchArguments& in);
  /// kBadState where there is none.
  Status get(TrainBatch<float>* batch) const;

 private:
  Status copy(const Geometry& g, const Texts& texts, const BatchArguments& in);

  Buffer<int32_t> ids_, offsets_, type_ids_, bag_ids_, bag_offsets_, labels_, has_soft_;
  Buffer<float> trunk_, soft_;
  TrainBatch<float> batch_{};
  bool held_ = false;
};

/// The number of rows of the trunk's output for these texts.
int64_t trunk_rows(int32_t trunk_kind, const Texts& texts);

}  // namespace maque
