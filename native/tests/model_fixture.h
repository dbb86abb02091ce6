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

/// Sizes beyond one block of rows, columns, texts and elements, and multiples of nothing.
inline Geometry wide_bert(Pooling pooling) {
  Geometry g = bert_geometry(pooling, {40});
  g.vocab = 300;
  g.hidden = 66;
  g.intermediate = 130;
  g.positions = 40;
  return g;
}

inline Geometry wide_student(Kind kind, Pooling pooling) {
  Geometry g = student_geometry(kind, pooling, {40});
  g.vocab = 300;
  g.embedding = 70;
  g.hidden = 45;
  return g;
}

inline Geometry bag_geometry(std::vector<int64_t> head = {6}) {
  Geometry g = student_geometry(Kind::bag, Pooling::none, head);
  g.vocab = g.embedding = g.hidden = 0;
  g.ngram_buckets = 13;
  g.ngram_width = 5;
  return g;
}

/// A student with n-grams.
inline Geometry with_ngrams(Geometry g) {
  g.ngram_buckets = 13;
  g.ngram_width = 5;
  return g;
}

/// A batch that owns its arrays: lengths as given, random ids, labels (some -1) and soft targets (some rows
/// without). N-grams, where the model has them: from none to twice as many as tokens, some of them twice.
template <class T>
struct OwnedBatch {
  std::vector<int32_t> ids, offsets{0}, types, labels, has_soft, bag_ids, bag_offsets;
  std::vector<T> soft;
  bool has_tokens;  // a bag has none

  OwnedBatch(const Geometry& g, const std::vector<int32_t>& lengths, uint64_t seed)
      : has_tokens(g.kind != Kind::bag) {
    Random random(seed);
    for (int32_t n : lengths) {
      offsets.push_back(offsets.back() + n);
      for (int32_t t = 0; t < n && has_tokens; ++t) {
        ids.push_back(static_cast<int32_t>(random.below(g.vocab)));
        if (g.is_bert()) types.push_back(static_cast<int32_t>(random.below(g.types)));
      }
      labels.push_back(static_cast<int32_t>(random.below(g.num_labels + 1)) - 1);
      has_soft.push_back(random.below(4) != 0);
      for (int64_t c = 0; c < g.num_labels; ++c) soft.push_back(static_cast<T>(random.uniform(-2, 2)));
    }
    labels[0] = 0;
    has_soft[0] = 1;
    if (g.has_ngrams()) add_ngrams(g, lengths);
  }

  void add_ngrams(const Geometry& g, const std::vector<int32_t>& lengths) {
    Random random(99);
    bag_offsets.push_back(0);
    for (int32_t n : lengths) {
      const int64_t grams = random.below(2 * n + 2);
      for (int64_t k = 0; k < grams; ++k)
        bag_ids.push_back(static_cast<int32_t>(random.below(g.ngram_buckets)));
      bag_offsets.push_back(static_cast<int32_t>(bag_ids.size()));
    }
  }

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
  const int32_t* id_data() const { return has_tokens ? ids.data() : nullptr; }
  const int32_t* offset_data() const { return has_tokens ? offsets.data() : nullptr; }
  const int32_t* type_data() const { return types.empty() ? nullptr : types.data(); }
  const int32_t* bag_data() const { return bag_offsets.empty() ? nullptr : bag_ids.data(); }
  const int32_t* bag_offset_data() const { return bag_offsets.empty() ? nullptr : bag_offsets.data(); }
  Texts texts() const {
    const int32_t* own = has_tokens ? offsets.data() : bag_offset_data();
    return {id_data(), own, size(), type_data(), bag_data(), bag_offset_data()};
  }
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
