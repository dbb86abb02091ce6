// Models and trainers made through the C ABIs, for tests.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "abi/maque.h"
#include "abi/maque_train.h"
#include "tests/model_fixture.h"

namespace maque::test {

using Options = std::vector<std::pair<std::string, std::string>>;

/// The options that say what a geometry is.
inline Options options_of(const Geometry& g) {
  const char* const poolings[] = {"", "pooler", "cls", "mean", "max-logits", "max", "last"};
  Options o;
  std::string head;
  for (int32_t i = 0; i < g.head_layers; ++i) head += (i == 0 ? "" : ",") + std::to_string(g.head[i]);
  const char* const kinds[] = {"", "bert", "sequence", "document", "bag"};
  o.push_back({"kind", kinds[static_cast<int>(g.kind)]});
  o.push_back({"num_labels", std::to_string(g.num_labels)});
  o.push_back({"head", head});
  if (g.has_ngrams()) {
    o.push_back({"ngram_buckets", std::to_string(g.ngram_buckets)});
    o.push_back({"ngram_width", std::to_string(g.ngram_width)});
  }
  if (g.kind == Kind::bag) return o;
  o.push_back({"vocab_size", std::to_string(g.vocab)});
  o.push_back({"hidden_size", std::to_string(g.hidden)});
  if (g.pooling != Pooling::none) o.push_back({"pooling", poolings[static_cast<int>(g.pooling)]});
  if (!g.is_bert()) {
    o.push_back({"embedding_size", std::to_string(g.embedding)});
    return o;
  }
  o.push_back({"num_hidden_layers", std::to_string(g.layers)});
  o.push_back({"num_attention_heads", std::to_string(g.heads)});
  o.push_back({"intermediate_size", std::to_string(g.intermediate)});
  o.push_back({"max_position_embeddings", std::to_string(g.positions)});
  o.push_back({"type_vocab_size", std::to_string(g.types)});
  o.push_back({"layer_norm_eps", "1e-12"});
  o.push_back({"hidden_act", "gelu"});
  return o;
}

inline std::string last_message() {
  char text[512];
  maque_last_error(text, sizeof text);
  return text;
}

/// Checks a code and, where it is another, shows the message.
inline void expect(int32_t code, int32_t expected, const char* what) {
  CHECK_EQ(code, expected);
  if (code != expected)
    std::printf("  %s: code %d, expected %d: %s\n", what, code, expected, last_message().c_str());
}

/// Gives all tensors of a geometry to a builder or trainer.
inline void give_tensors(int64_t handle, const Geometry& g, const Weights<float>& weights, bool trainer) {
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec spec = tensor_spec(g, i);
    const void* data = weights.pointers[static_cast<size_t>(i)];
    const int64_t bytes = 4 * spec.size();
    expect(trainer ? maque_trainer_tensor(handle, spec.name, "F32", spec.rank, spec.dims, data, bytes)
                   : maque_builder_tensor(handle, spec.name, "F32", spec.rank, spec.dims, data, bytes),
           MAQUE_OK, spec.name);
  }
}

/// A built model; the caller frees it.
inline int64_t make_model(const Geometry& g, const Weights<float>& weights) {
  int64_t builder = 0, model = 0;
  expect(maque_builder_new(&builder), MAQUE_OK, "builder");
  for (const auto& [key, value] : options_of(g)) {
    expect(maque_builder_option(builder, key.c_str(), value.c_str()), MAQUE_OK, key.c_str());
  }
  give_tensors(builder, g, weights, false);
  expect(maque_builder_build(builder, &model), MAQUE_OK, "build");
  expect(maque_builder_free(builder), MAQUE_OK, "free");
  return model;
}

/// A built trainer; the caller frees it.
inline int64_t make_trainer(const Geometry& g, const Weights<float>& weights, const Options& more = {}) {
  int64_t trainer = 0;
  expect(maque_trainer_new(&trainer), MAQUE_OK, "trainer");
  Options all = options_of(g);
  all.insert(all.end(), more.begin(), more.end());
  for (const auto& [key, value] : all) {
    expect(maque_trainer_option(trainer, key.c_str(), value.c_str()), MAQUE_OK, key.c_str());
  }
  give_tensors(trainer, g, weights, true);
  expect(maque_trainer_build(trainer), MAQUE_OK, "build");
  return trainer;
}

/// Gives a batch to a trainer, without targets where they are not wanted.
inline int32_t give_batch(int64_t trainer, const OwnedBatch<float>& b, bool targets) {
  return maque_trainer_batch(trainer, b.id_data(), static_cast<int64_t>(b.ids.size()), b.offset_data(),
                             static_cast<int32_t>(b.size()), b.type_data(), b.bag_data(),
                             static_cast<int64_t>(b.bag_ids.size()), b.bag_offset_data(), nullptr, 0,
                             targets ? b.labels.data() : nullptr, targets ? b.soft.data() : nullptr,
                             targets ? b.has_soft.data() : nullptr);
}

/// Logits of a batch from a trainer.
inline std::vector<float> forward(int64_t trainer, const Geometry& g, const OwnedBatch<float>& b) {
  std::vector<float> out(static_cast<size_t>(b.size() * g.num_labels));
  expect(give_batch(trainer, b, false), MAQUE_OK, "batch");
  expect(maque_trainer_forward(trainer, out.data(), static_cast<int64_t>(out.size())), MAQUE_OK, "forward");
  return out;
}

/// Logits of a batch, each text in a call of its own.
inline std::vector<float> predict_apart(int64_t model, const Geometry& g, const OwnedBatch<float>& b) {
  std::vector<float> out(static_cast<size_t>(b.size() * g.num_labels));
  for (int64_t i = 0; i < b.size(); ++i) {
    const size_t text = static_cast<size_t>(i);
    const int32_t begin = b.offsets[text], ends[] = {0, b.offsets[text + 1] - begin};
    const int32_t first = g.has_ngrams() ? b.bag_offsets[text] : 0,
                  bag_ends[] = {0, g.has_ngrams() ? b.bag_offsets[text + 1] - first : 0};
    expect(maque_predict(model, b.has_tokens ? b.ids.data() + begin : nullptr, ends[1],
                         b.has_tokens ? ends : nullptr, 1, nullptr,
                         g.has_ngrams() ? b.bag_ids.data() + first : nullptr, bag_ends[1],
                         g.has_ngrams() ? bag_ends : nullptr, out.data() + i * g.num_labels, g.num_labels),
           MAQUE_OK, "alone");
  }
  return out;
}

inline std::vector<float> predict(int64_t model, const Geometry& g, const OwnedBatch<float>& b) {
  std::vector<float> out(static_cast<size_t>(b.size() * g.num_labels));
  expect(maque_predict(model, b.id_data(), static_cast<int64_t>(b.ids.size()), b.offset_data(),
                       static_cast<int32_t>(b.size()), b.type_data(), b.bag_data(),
                       static_cast<int64_t>(b.bag_ids.size()), b.bag_offset_data(), out.data(),
                       static_cast<int64_t>(out.size())),
         MAQUE_OK, "predict");
  return out;
}

}  // namespace maque::test
