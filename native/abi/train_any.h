// A trainer of the ABI, on the CPU or on a GPU: one face for both.
#pragma once
#include <optional>

#include "abi/train_options.h"
#include "model/cuda/trainer.h"

namespace maque {

class AnyTrainer {
 public:
  /// As the settings say. values: initial tensors by number, copied. executor must outlive the trainer; one
  /// on a GPU does not use it. kUnsupported where the device cannot be used.
  Status create(const TrainSettings& settings, const Executor& executor, const float* const* values);

  const Geometry& geometry() const;
  StepOptions& step_options();
  int32_t trunk_kind() const;
  /// See Products::reason; "" on the CPU.
  const char* products() const { return device_.has_value() ? device_->products() : ""; }
  int64_t tensor_count() const;
  /// On a GPU its arrays lie there: see read and write.
  const TrainTensor<float>& tensor(int64_t i) const;

  Status trunk(const Texts& texts, float* out);
  Status gradients(const TrainBatch<float>& batch, double* report);
  Status update(double rate);
  Status forward(const Texts& texts, const float* rows, float* out);
  /// On the CPU only: kUnsupported on a GPU.
  Status ranges(const Texts& texts, float* out);
  Status step(const TrainBatch<float>& batch, double rate, double* report);
  /// See DeviceTrainer; on the CPU start does the step, and finish tells what came out.
  Status start(const TrainBatch<float>& batch, double rate);
  Status finish(double* report);

  Status read(const float* array, int64_t n, float* out);
  Status write(float* array, int64_t n, const float* in);
  Status read_gradient(int64_t tensor, float* out);
  Status write_gradient(int64_t tensor, const float* in);
  void value_written();

 private:
  /// What finish of a CPU's step tells.
  struct Done {
    Status status;
    double report[9];
    char message[512];
  };
  static constexpr int32_t kMostDone = 2;

  Trainer<float> cpu_;
  std::optional<cuda::DeviceTrainer> device_;
  Done done_[kMostDone];
  int32_t done_count_ = 0;
};

}  // namespace maque
