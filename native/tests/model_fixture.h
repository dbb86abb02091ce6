// Small models and batches for tests of the model code.
#pragma once
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "model/trainer.h"
#include "tests/kernel_test.h"

namespace maque::test {

inline Geometry bert_geometry(Pooling pooling, std::vector<int64_t> head = {6}) {
  Geometry g = empty_geometry();
  g.kind = Kind::bert;
  g.pooling = pooling;
  g.num_labels = 3;
  g.head_layers = static_cast<int32_t>(head.size());
  for (size_t i = 0; i < head.size(); ++i) g.head[i] = head[i];
  g.vocab = 11;
  g.hidden = 12;
  g.layers = 2;
  g.heads = 3;
  g.intermediate = 20;
  g.positions = 9;
  g.types = 2;
  g.eps = 1e-12;
  g.activation = Activation::gelu_erf;
  return g;
}

inline Geometry student_geometry(Kind kind, Pooling pooling, std::vector<int64_t> head = {6}) {
  Geometry g = empty_geometry();
  g.kind = kind;
  g.pooling = pooling;
  g.num_labels = 3;
  g.head_layers = static_cast<int32_t>(head.size());
  for (size_t i = 0; i < head.size(); ++i) g.head[i] = head[i];
  g.vocab = 11;
  g.embedding = 10;
  g.hidden = 7;
  return g;
}

/// A batch that owns its arrays: lengths as given, random ids, labels (some -1) and soft targets (some rows
/// without).
template <class T>
struct OwnedBatch {
  std::vector<int32_t> ids, offsets{0}, types, labels, has_soft;
  std::vector<T> soft;

  OwnedBatch(const Geometry& g, const std::vector<int32_t>& lengths, uint64_t seed) {
    Random random(seed);
    for (int32_t n : lengths) {
      offsets.push_back(offsets.back() + n);
      for (int32_t t = 0; t < n; ++t) {
        ids.push_back(static_cast<int32_t>(random.below(g.vocab)));
        if (g.is_bert()) types.push_back(static_cast<int32_t>(random.below(g.types)));
      }
      labels.push_back(static_cast<int32_t>(random.below(g.num_labels + 1)) - 1);
      has_soft.push_back(random.below(4) != 0);
      for (int64_t c = 0; c < g.num_labels; ++c) soft.push_back(static_cast<T>(random.uniform(-2, 2)));
    }
    labels[0] = 0;
    has_soft[0] = 1;
  }

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
  Texts texts() const { return {ids.data(), offsets.data(), size(), types.empty() ? nullptr : types.data()}; }
  TrainBatch<T> train(const T* trunk = nullptr) const {
    return {texts(), trunk, labels.data(), soft.data(), has_soft.data()};
  }
};

/// Random initial tensors of a model. LayerNorm's gammas lie around 1.
template <class T>
struct Weights {
  std::vector<std::vector<T>> tensors;
  std::vector<const T*> pointers;

  Weights(const Geometry& g, uint64_t seed, float spread = 0.6f) {
    Random random(seed);
    for (int64_t i = 0; i < tensor_count(g); ++i) {
      const TensorSpec spec = tensor_spec(g, i);
      const bool gamma = std::string(spec.name).find("LayerNorm.weight") != std::string::npos;
      std::vector<T> values;
      for (int64_t j = 0; j < spec.size(); ++j) {
        values.push_back(static_cast<T>((gamma ? 1.0f : 0.0f) + random.uniform(-spread, spread)));
      }
      tensors.push_back(values);
    }
    for (const auto& t : tensors) pointers.push_back(t.data());
  }
};

}  // namespace maque::test
