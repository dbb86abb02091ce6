#include "model/geometry.h"

#include <stdio.h>
#include <string.h>

namespace maque {
namespace {

TensorSpec matrix(int64_t rows, int64_t columns) { return {{0}, 2, {rows, columns}, DType::f32, false}; }
TensorSpec vector(int64_t n) { return {{0}, 1, {n, 0}, DType::f32, false}; }

void set_name(TensorSpec* spec, const char* name) { snprintf(spec->name, sizeof spec->name, "%s", name); }

TensorSpec embeddings_spec(const Geometry& g, int64_t index) {
  static const char* const kNames[] = {
      "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight",
      "embeddings.token_type_embeddings.weight", "embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias"};
  const int64_t rows[] = {g.vocab, g.positions, g.types};
  TensorSpec spec = index < 3 ? matrix(rows[index], g.hidden) : vector(g.hidden);
  set_name(&spec, kNames[index]);
  return spec;
}

TensorSpec layer_spec(const Geometry& g, int64_t layer, int64_t which) {
  static const char* const kNames[] = {"attention.self.query.weight",
                                       "attention.self.query.bias",
                                       "attention.self.key.weight",
                                       "attention.self.key.bias",
                                       "attention.self.value.weight",
                                       "attention.self.value.bias",
                                       "attention.output.dense.weight",
                                       "attention.output.dense.bias",
                                       "attention.output.LayerNorm.weight",
                                       "attention.output.LayerNorm.bias",
                                       "intermediate.dense.weight",
                                       "intermediate.dense.bias",
                                       "output.dense.weight",
                                       "output.dense.bias",
                                       "output.LayerNorm.weight",
                                       "output.LayerNorm.bias"};
  TensorSpec spec = vector(which == kUpBias ? g.intermediate : g.hidden);
  if (which <= kOutWeight && which % 2 == 0) spec = matrix(g.hidden, g.hidden);
  if (which == kUpWeight) spec = matrix(g.intermediate, g.hidden);
  if (which == kDownWeight) spec = matrix(g.hidden, g.intermediate);
  snprintf(spec.name, sizeof spec.name, "encoder.layer.%d.%s", static_cast<int>(layer), kNames[which]);
  return spec;
}

TensorSpec pooler_spec(const Geometry& g, int64_t which) {
  TensorSpec spec = which == 0 ? matrix(g.hidden, g.hidden) : vector(g.hidden);
  set_name(&spec, which == 0 ? "pooler.dense.weight" : "pooler.dense.bias");
  return spec;
}

TensorSpec lstm_spec(const Geometry& g, int64_t index) {
  if (index == 0) {
    TensorSpec spec = matrix(g.vocab, g.embedding);
    set_name(&spec, g.kind == Kind::document ? "vectors.weight" : "embedding.weight");
    return spec;
  }
  static const char* const kNames[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
  const int64_t which = (index - 1) % kLstmTensors;
  TensorSpec spec = vector(4 * g.hidden);
  if (which == kWeightIh) spec = matrix(4 * g.hidden, g.embedding);
  if (which == kWeightHh) spec = matrix(4 * g.hidden, g.hidden);
  snprintf(spec.name, sizeof spec.name, "lstm.%s_l0%s", kNames[which],
           index > kLstmTensors ? "_reverse" : "");
  return spec;
}

TensorSpec ngram_spec(const Geometry& g) {
  TensorSpec spec = matrix(g.ngram_buckets, g.ngram_width);
  set_name(&spec, "ngrams.weight");
  return spec;
}

TensorSpec head_spec(const Geometry& g, int64_t index) {
  const int32_t layer = static_cast<int32_t>(index / 2);
  TensorSpec spec = index % 2 == 0 ? matrix(g.head_out(layer), g.head_in(layer)) : vector(g.head_out(layer));
  snprintf(spec.name, sizeof spec.name, "head.%d.%s", 2 * layer, index % 2 == 0 ? "weight" : "bias");
  return spec;
}

TensorSpec float_spec(const Geometry& g, int64_t index) {
  if (index >= head_tensor(g)) return head_spec(g, index - head_tensor(g));
  if (!g.is_bert()) return lstm_spec(g, index);
  if (index < kBertLayers) return embeddings_spec(g, index);
  if (index >= pooler_tensor(g)) return pooler_spec(g, index - pooler_tensor(g));
  return layer_spec(g, (index - kBertLayers) / kBertLayerTensors, (index - kBertLayers) % kBertLayerTensors);
}

/// Whether tensor `index` of bert is I8 in int8.
bool is_int8_weight(const Geometry& g, int64_t index) {
  if (index >= head_tensor(g) || index < kBertLayers) return false;
  if (index >= pooler_tensor(g)) return index == pooler_tensor(g);
  for (BertLayerTensor which : kInt8Weights) {
    if ((index - kBertLayers) % kBertLayerTensors == which) return true;
  }
  return false;
}

/// The scales of the `nth` I8 weight.
TensorSpec scale_spec(const Geometry& g, int64_t nth) {
  const int64_t layer = nth / kInt8LayerWeights;
  const TensorSpec weight =
      layer == g.layers ? pooler_spec(g, 0) : layer_spec(g, layer, kInt8Weights[nth % kInt8LayerWeights]);
  TensorSpec spec = vector(weight.dims[0]);
  spec.is_scale = true;
  snprintf(spec.name, sizeof spec.name, "%.80s.scale", weight.name);
  return spec;
}

TensorSpec factor_spec(const Geometry& g, int64_t nth) {
  static const char* const kNames[] = {"attention.self", "intermediate.dense"};
  TensorSpec spec = vector(g.hidden);
  spec.is_scale = true;
  snprintf(spec.name, sizeof spec.name, "encoder.layer.%d.%s.input.scale",
           static_cast<int>(nth / kInt8LayerFactors), kNames[nth % kInt8LayerFactors]);
  return spec;
}

bool ends_with(const char* text, const char* end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

}  // namespace

TensorSpec tensor_spec(const Geometry& g, int64_t index) {
  if (g.has_ngrams() && index == ngram_tensor(g)) return ngram_spec(g);
  if (index >= factor_tensor(g, 0, 0)) return factor_spec(g, index - factor_tensor(g, 0, 0));
  if (index >= scale_tensor(g, 0, 0)) return scale_spec(g, index - scale_tensor(g, 0, 0));
  TensorSpec spec = float_spec(g, index);
  if (has_int8_bert(g) && is_int8_weight(g, index)) spec.dtype = DType::i8;
  return spec;
}

int64_t find_tensor(const Geometry& g, const char* name) {
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    if (strcmp(tensor_spec(g, i).name, name) == 0) return i;
  }
  return -1;
}

bool is_free_of_decay(const char* name) {
  return ends_with(name, ".bias") || strstr(name, "LayerNorm") != nullptr ||
         strstr(name, "lstm.bias_") == name;
}

}  // namespace maque
