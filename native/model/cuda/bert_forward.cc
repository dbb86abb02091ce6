#include <math.h>

#include "model/cuda/bert.h"
#include "model/cuda/bert_attention.h"

namespace maque::cuda {
namespace {

/// What one call of bert_forward works on.
struct Pass {
  DeviceCompute& c;
  const BertWeights& w;
  const Geometry& g;
  const BertBatch& batch;
  const BertDropout& dropout;
  const BertBuffers& b;
};

void embed(const Pass& p, const Operand& out) {
  float* sum = p.b.embedded == nullptr ? out.x : p.b.embedded;
  run(p.c, p.c.kernels.embedding_norm_forward, p.w.tables,
      EmbeddingIds{p.batch.ids, p.batch.positions, p.batch.type_ids}, p.w.gamma, p.w.beta,
      static_cast<float>(p.g.eps), mask_of(p.dropout.key, p.dropout.hidden, embedding_site()), p.batch.tokens,
      p.g.hidden, sum, out.x, out.rounded, p.b.embedded_mean, p.b.embedded_rstd);
}

/// Queries, keys and values of all tokens; of the first rows only, where that is all the layer makes, the
/// queries apart.
void project(const Pass& p, const Linear& qkv, const BertLayerBuffers& b, bool first_only) {
  const int64_t h = p.g.hidden, tokens = p.batch.tokens, skip = first_only ? h : 0;
  GemmResult r = result_in(b.qkv.columns(skip));
  r.bias = qkv.bias + skip;
  r.sums = p.b.sums;
  multiply_transposed(p.c, tokens, 3 * h - skip, h, b.in, qkv.weight.rows(skip), r);
  if (!first_only) return;
  const int64_t texts = p.batch.texts;
  run(p.c, p.c.kernels.gather_rows, b.in.x, h, p.batch.offsets, texts, h, b.first.x, h);
  round_operand(p.c, b.first, texts, h);
  GemmResult queries = result_in(b.first_q);
  queries.bias = qkv.bias;
  queries.sums = p.b.sums;
  multiply_transposed(p.c, texts, h, h, b.first, qkv.weight, queries);
}

void attend(const Pass& p, const BertLayerBuffers& b, int64_t layer, bool first_only) {
  const int64_t h = p.g.hidden, rows = first_only ? p.batch.texts : p.batch.tokens;
  const Dropout mask = mask_of(p.dropout.key, p.dropout.attention, attention_site(layer));
  if (has_bf16_attention(p.g, p.c.precision)) {
    run(p.c, p.c.kernels.attention_bf16_forward, attention_bf16_batch(p.g, p.batch, b, first_only, mask),
        rows, b.context.rounded, h, b.log_sums);
    return;
  }
  run(p.c, p.c.kernels.attention_forward, attention_batch(p.g, p.batch, b, first_only, mask), rows,
      b.context.x, h, b.log_sums);
  round_operand(p.c, b.context, rows, h);
}

/// out = LayerNorm(sum), where sum = dropout(sum) + residual, in place.
void norm_residual(const Pass& p, float* sum, uint32_t site, const float* residual, const float* gamma,
                   const float* beta, int64_t rows, const Operand& out, float* mean, float* rstd) {
  run(p.c, p.c.kernels.layer_norm_residual_forward, sum, mask_of(p.dropout.key, p.dropout.hidden, site),
      residual, gamma, beta, static_cast<float>(p.g.eps), rows, p.g.hidden, sum, out.x, out.rounded, mean,
      rstd);
}

/// One encoder layer; out null: up to the input of its second LayerNorm.
void encoder_layer(const Pass& p, int64_t layer, const Operand* out) {
  const BertLayerWeights& w = p.w.layers[layer];
  const BertLayerBuffers& b = p.b.layers[layer - p.b.first_layer];
  const bool first_only = p.batch.first_row_only && layer == p.g.layers - 1;
  const int64_t h = p.g.hidden, rows = first_only ? p.batch.texts : p.batch.tokens;
  project(p, w.qkv, b, first_only);
  attend(p, b, layer, first_only);
  linear_forward(p.c, w.out, b.context, rows, {b.sum1, h});
  norm_residual(p, b.sum1, attention_output_site(layer), first_only ? b.first.x : b.in.x, w.gamma1, w.beta1,
                rows, b.y1, b.mean1, b.rstd1);
  Epilogue activation;
  activation.activation = p.g.activation;
  activation.pre_activation = b.pre;
  activation.sums = p.b.sums;
  linear_forward(p.c, w.up, b.y1, rows, b.up, activation);
  Epilogue down;
  down.residual = out == nullptr ? b.y1.x : nullptr;
  linear_forward(p.c, w.down, b.up, rows, {b.sum2, h}, down);
  if (out == nullptr) return;
  norm_residual(p, b.sum2, ffn_output_site(layer), b.y1.x, w.gamma2, w.beta2, rows, *out, b.mean2, b.rstd2);
}

/// The last LayerNorm of rows that were given before it.
void last_norm(const Pass& p) {
  const BertLayerWeights& w = p.w.layers[p.g.layers - 1];
  const BertLayerBuffers& b = p.b.layers[p.b.layer_count - 1];
  run(p.c, p.c.kernels.layer_norm_forward, b.sum2, w.gamma2, w.beta2, static_cast<float>(p.g.eps),
      p.batch.rows(), p.g.hidden, p.b.hidden.x, b.mean2, b.rstd2);
  round_operand(p.c, p.b.hidden, p.batch.rows(), p.g.hidden);
}

/// Features, after dropout.
void pool(const Pass& p, const Dropout& mask) {
  const int64_t h = p.g.hidden, texts = p.batch.texts;
  const Operand& features = p.b.features;
  if (p.g.pooling == Pooling::cls) {
    run(p.c, p.c.kernels.dropout, mask, p.b.hidden.x, texts * h, features.x);
    return;
  }
  if (p.g.pooling == Pooling::pooler) {
    Epilogue tanh;
    tanh.activation = Activation::tanh;
    tanh.pre_activation = p.b.pooled_pre;
    linear_forward(p.c, p.w.pooler, p.b.hidden, texts, {features.x, features.ld}, tanh);
  } else {
    run(p.c, p.c.kernels.mean_pool_forward, p.b.hidden.x, h, p.batch.offsets, nullptr, texts, h, features.x);
  }
  run_dropout(p.c, mask, features.x, texts * h);
}

/// Rows that were given as input of layer `from`, or as the last hidden ones, are rounded for the products.
void round_given(const Pass& p, BertPoint from) {
  if (from >= 0 && from < p.g.layers) round_operand(p.c, p.b.layers[0].in, p.batch.tokens, p.g.hidden);
  if (from == last_hidden_point(p.g)) round_operand(p.c, p.b.hidden, p.batch.rows(), p.g.hidden);
}

}  // namespace

void bert_forward(DeviceCompute& compute, const BertWeights& weights, const BertBatch& batch,
                  const BertDropout& dropout, const BertBuffers& buffers, const BertSpan& span) {
  const Geometry& g = *weights.geometry;
  const Pass p{compute, weights, g, batch, dropout, buffers};
  const BertPoint from = span.from, to = span.to;
  if (from == kFromIds) embed(p, buffers.layers[0].in);
  round_given(p, from);
  for (int64_t l = from < 0 ? 0 : from; l < g.layers && l < to; ++l) {
    const bool last = l == g.layers - 1;
    const Operand& out = last ? buffers.hidden : buffers.layers[l + 1 - buffers.first_layer].in;
    encoder_layer(p, l, last && to == last_norm_point(g) ? nullptr : &out);
  }
  if (from == last_norm_point(g) && to >= last_hidden_point(g)) last_norm(p);
  if (to < features_point(g)) return;
  const Dropout mask = mask_of(dropout.key, dropout.head, features_site(g));
  if (from <= last_hidden_point(g)) {
    pool(p, mask);
  } else {
    run_dropout(compute, mask, buffers.features.x, batch.texts * g.hidden);
  }
  if (to < logits_point(g)) return;
  round_operand(compute, buffers.features, batch.texts, g.hidden);
  head_forward(compute, weights.head, buffers.features, batch.texts, buffers.head, HeadDropout{},
               buffers.logits);
}

}  // namespace maque::cuda
