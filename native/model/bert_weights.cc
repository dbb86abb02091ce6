// Packing of BERT's weights, planning of its buffers.
#include <string.h>

#include "model/bert.h"

namespace maque {

template <class T>
void BertWeights<T>::plan(Carver* carver, const Geometry& g, const Arithmetic& arithmetic,
                          int64_t backward_from) {
  geometry = &g;
  padded = round_up(g.hidden, kPanel);
  layers = carver->take<BertLayerWeights<T>>(g.layers);
  for (int64_t l = 0; l < g.layers; ++l) {
    const bool backward = l >= backward_from;
    BertLayerWeights<T> w{};
    w.qkv.plan(carver, arithmetic, g.hidden, 3 * padded);
    w.qkv.plan_factor(carver);
    w.qkv_bias = carver->take<T>(3 * padded);
    for (Packed<T>& back : w.qkv_back) {
      if (backward) back.plan(carver, arithmetic, g.hidden, g.hidden);
    }
    w.out.plan(carver, arithmetic, g.hidden, g.hidden, backward);
    w.up.plan(carver, arithmetic, g.hidden, g.intermediate, backward);
    w.up.packed.plan_factor(carver);
    w.down.plan(carver, arithmetic, g.intermediate, g.hidden, backward);
    if (layers != nullptr) layers[l] = w;
  }
  const bool trains = backward_from <= g.layers;
  if (g.pooling == Pooling::pooler) pooler.plan(carver, arithmetic, g.hidden, g.hidden, trains);
  // The head is small, and its logits are the answer: not in int8.
  head.plan(carver, g, arithmetic.precision == Precision::int8 ? Arithmetic{} : arithmetic, trains);
}

template <class T>
bool BertWeights<T>::pack_layer(const Compute<T>& compute, T* const* tensors, int64_t layer) {
  const int64_t h = geometry->hidden;
  BertLayerWeights<T>& w = layers[layer];
  T* const* t = tensors + bert_tensor(layer, 0);
  T* const* scales = has_int8_bert(*geometry) ? tensors + scale_tensor(*geometry, layer, 0) : nullptr;
  const auto scale = [&](int64_t which) { return scales == nullptr ? nullptr : scales[which]; };
  bool fit = true;
  for (int64_t i = 0; i < 3; ++i) {
    const T* weight = t[kQueryWeight + 2 * i];
    fit &= pack_weight(compute, weight, scale(i), h, w.qkv.columns(i * padded));
    if (w.qkv_back[i].data != nullptr) run_pack(compute, weight, h, int64_t{1}, h, w.qkv_back[i]);
    memset(w.qkv_bias + i * padded, 0, static_cast<size_t>(padded) * sizeof(T));
    memcpy(w.qkv_bias + i * padded, t[kQueryBias + 2 * i], static_cast<size_t>(h) * sizeof(T));
  }
  fit &= w.out.pack(compute, t[kOutWeight], t[kOutBias], scale(3));
  fit &= w.up.pack(compute, t[kUpWeight], t[kUpBias], scale(4));
  fit &= w.down.pack(compute, t[kDownWeight], t[kDownBias], scale(5));
  if (scales != nullptr) {
    const size_t bytes = static_cast<size_t>(h) * sizeof(T);
    memcpy(w.qkv.factor, tensors[factor_tensor(*geometry, layer, 0)], bytes);
    memcpy(w.up.packed.factor, tensors[factor_tensor(*geometry, layer, 1)], bytes);
  }
  w.gamma1 = t[kGamma1];
  w.beta1 = t[kBeta1];
  w.gamma2 = t[kGamma2];
  w.beta2 = t[kBeta2];
  return fit;
}

template <class T>
bool BertWeights<T>::pack_rest(const Compute<T>& compute, T* const* tensors) {
  word = tensors[kWord];
  position = tensors[kPosition];
  type = tensors[kType];
  gamma = tensors[kEmbeddingGamma];
  beta = tensors[kEmbeddingBeta];
  head.pack(compute, *geometry, tensors);
  if (geometry->pooling != Pooling::pooler) return true;
  const int64_t p = pooler_tensor(*geometry);
  const T* scale = has_int8_bert(*geometry) ? tensors[scale_tensor(*geometry, geometry->layers, 0)] : nullptr;
  return pooler.pack(compute, tensors[p], tensors[p + 1], scale);
}

namespace {

/// Tokens that go through a layer together on one thread: few enough for what they make to stay in the L2
/// cache, enough for products of full speed.
constexpr int64_t kBlockTokens = 96;

int64_t block_rows(const BertSizes& s) {
  return s.training || s.workers > 1 || s.tokens < kBlockTokens ? s.tokens : kBlockTokens;
}

int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/// Arrays of one layer of `rows` rows (tokens, but in a last layer of first rows: texts).
template <class T>
BertLayerBuffers<T> plan_layer(Carver* carver, const Geometry& g, const BertSizes& s, bool first_only) {
  const int64_t h = g.hidden, rows = first_only ? s.texts : s.tokens;
  const int64_t block = larger(block_rows(s), s.longest), kept = s.training ? rows : larger(block, s.texts);
  const int64_t statistics = s.training ? rows : 0;
  BertLayerBuffers<T> b{};
  b.in = carver->take<T>(s.tokens * h);
  if (first_only || !s.training) {
    b.first = carver->take<T>(s.texts * h);
    b.first_q = carver->take<T>(s.texts * h);
  }
  b.qkv = carver->take<T>((s.training ? s.tokens : block) * 3 * round_up(h, kPanel));
  b.context = carver->take<T>(kept * h);
  b.sum1 = carver->take<T>(kept * h);
  b.y1 = s.training ? carver->take<T>(rows * h) : b.sum1;
  b.up = carver->take<T>(kept * g.intermediate);
  b.sum2 = s.training ? carver->take<T>(rows * h) : b.in;
  if (!s.training) return b;
  b.probs = carver->take<T>(g.heads * (first_only ? s.tokens : s.sum_of_squares));
  b.pre = carver->take<T>(rows * g.intermediate);
  b.mean1 = carver->take<T>(statistics);
  b.rstd1 = carver->take<T>(statistics);
  b.mean2 = carver->take<T>(statistics);
  b.rstd2 = carver->take<T>(statistics);
  return b;
}

template <class T>
void plan_layers(Carver* carver, const Geometry& g, const BertSizes& s, BertBuffers<T>* b) {
  b->block_rows = block_rows(s);
  b->first_layer = s.from < 0 ? 0 : s.from < g.layers ? s.from : g.layers - 1;
  b->layer_count = g.layers - b->first_layer;
  b->layers = carver->take<BertLayerBuffers<T>>(b->layer_count);
  if (s.from >= g.layers) {
    const int64_t rows = s.first_row_only ? s.texts : s.tokens;
    BertLayerBuffers<T> layer{};
    layer.sum2 = carver->take<T>(rows * g.hidden);
    layer.mean2 = s.training ? carver->take<T>(rows) : nullptr;
    layer.rstd2 = s.training ? carver->take<T>(rows) : nullptr;
    if (b->layers != nullptr) b->layers[0] = layer;
    return;
  }
  BertLayerBuffers<T> layer{};
  if (!s.training) layer = plan_layer<T>(carver, g, s, false);
  for (int64_t i = 0; i < b->layer_count; ++i) {
    if (s.training) layer = plan_layer<T>(carver, g, s, i == b->layer_count - 1 && s.first_row_only);
    if (b->layers != nullptr) b->layers[i] = layer;
  }
}

template <class T>
void plan_backward(Carver* carver, const Geometry& g, const BertSizes& s, BertBuffers<T>* b) {
  const int64_t h = g.hidden, tokens = s.tokens, padded = round_up(h, kPanel);
  b->d_features = carver->take<T>(s.texts * h);
  b->d_rows = carver->take<T>(tokens * h);
  b->d_hidden = carver->take<T>(tokens * h);
  if (s.from < g.layers) {
    b->d_first = carver->take<T>(s.first_row_only ? s.texts * h : tokens * h);
    b->d_wide = carver->take<T>(tokens * g.intermediate);
    b->d_qkv = carver->take<T>(tokens * 3 * padded);
    b->d_q = carver->take<T>(s.texts * h);
  }
  const int64_t rows = tokens > s.texts ? tokens : s.texts;
  b->pack = carver->take<T>(gemm_packed_size(rows, g.intermediate > h ? g.intermediate : h));
}

}  // namespace

template <class T>
void plan_bert_buffers(Carver* carver, const Geometry& g, const BertSizes& s, BertBuffers<T>* b) {
  *b = {};
  const int64_t h = g.hidden, rows = s.first_row_only ? s.texts : s.tokens;
  plan_layers(carver, g, s, b);
  if (s.from == kFromIds && s.training) {
    b->embedded = carver->take<T>(s.tokens * h);
    b->embedded_mean = carver->take<T>(s.tokens);
    b->embedded_rstd = carver->take<T>(s.tokens);
  }
  if (s.from < g.layers) {
    b->attention_scratch_size = round_up(attention_scratch(s.longest, s.longest, h / g.heads), 16) +
                                (s.training ? 0 : round_up(s.longest * s.longest, 16));
    b->attention_scratch = carver->take<T>(s.workers * b->attention_scratch_size);
  }
  b->hidden = carver->take<T>(rows * h);
  b->pooled_pre = s.training ? carver->take<T>(s.texts * h) : nullptr;
  b->features = carver->take<T>(s.texts * h);
  b->logits = carver->take<T>(s.texts * g.num_labels);
  b->head.plan(carver, g, s.texts, s.training);
  if (s.training) plan_backward(carver, g, s, b);
}

template <class T>
T* bert_point_rows(const Geometry& g, const BertBuffers<T>& b, BertPoint point) {
  if (point < g.layers) return b.layers[point - b.first_layer].in;
  if (point == last_norm_point(g)) return b.layers[b.layer_count - 1].sum2;
  if (point == last_hidden_point(g)) return b.hidden;
  return point == features_point(g) ? b.features : b.logits;
}

int64_t bert_point_row_count(const Geometry& g, const BertBatch& batch, BertPoint point) {
  if (point < g.layers) return batch.tokens;
  return point <= last_hidden_point(g) ? batch.rows() : batch.texts;
}

int64_t bert_point_width(const Geometry& g, BertPoint point) {
  return point == logits_point(g) ? g.num_labels : g.hidden;
}

#define MAQUE_INSTANTIATE(T)                                                                       \
  template struct BertWeights<T>;                                                                  \
  template void plan_bert_buffers<T>(Carver*, const Geometry&, const BertSizes&, BertBuffers<T>*); \
  template T* bert_point_rows<T>(const Geometry&, const BertBuffers<T>&, BertPoint);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
