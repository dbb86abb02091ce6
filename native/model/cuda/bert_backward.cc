// The backward pass of BERT on the device. Where a layer is x -> y, d_x below is the gradient of the
// objective with respect to x.
#include "model/cuda/bert.h"
#include "model/cuda/bert_attention.h"

namespace maque::cuda {
namespace {

struct Back {
  DeviceCompute& c;
  const BertWeights& w;
  const Geometry& g;
  const BertBatch& batch;
  const BertDropout& dropout;
  const BertBuffers& b;
  float* const* gradients;
};

/// A LayerNorm as its backward pass sees it.
struct Norm {
  const float *sum, *gamma, *mean, *rstd;
  float *d_gamma, *d_beta;
};

void norm_params_backward(const Back& p, const Norm& norm, int64_t rows) {
  run(p.c, p.c.kernels.layer_norm_params_backward, norm.sum, norm.mean, norm.rstd, p.b.d_rows, rows,
      p.g.hidden, norm.d_gamma, norm.d_beta, p.b.scratch);
}

/// From d_y to d_sum, both in d_rows, and through the dropout before the sum: the gradient of the product
/// that was dropped, as the products before it read it.
Operand norm_backward(const Back& p, const Norm& norm, uint32_t site, int64_t rows) {
  const int64_t h = p.g.hidden;
  float* d = p.b.d_rows;
  norm_params_backward(p, norm, rows);
  const Dropout mask = mask_of(p.dropout.key, p.dropout.hidden, site);
  if (mask.p > 0 || p.c.is_bf16()) {
    run(p.c, p.c.kernels.layer_norm_residual_backward, norm.sum, norm.gamma, norm.mean, norm.rstd, mask, d,
        rows, h, d, p.b.dropped.x, p.b.dropped.rounded);
    return p.b.dropped;
  }
  run(p.c, p.c.kernels.layer_norm_backward, norm.sum, norm.gamma, norm.mean, norm.rstd, d, rows, h, d);
  return {d, h};
}

/// From the gradient of the logits to that of the last hidden rows (in d_rows). False where nothing below is
/// trained.
bool head_and_pool_backward(const Back& p, BertPoint from, float* d_logits) {
  const int64_t h = p.g.hidden, texts = p.batch.texts, pooler = pooler_tensor(p.g);
  const bool pools = p.g.pooling == Pooling::pooler;
  const bool below = from <= last_norm_point(p.g);
  const bool needed = below || (from < features_point(p.g) && pools && p.gradients[pooler] != nullptr);
  float* d_features = p.g.pooling == Pooling::cls ? p.b.d_rows : p.b.d_features.x;
  head_backward(p.c, p.w.head, p.b.features, texts, p.b.head, HeadDropout{}, d_logits,
                p.gradients + head_tensor(p.g), needed ? d_features : nullptr);
  if (!needed) return false;
  run_dropout(p.c, mask_of(p.dropout.key, p.dropout.head, features_site(p.g)), d_features, texts * h);
  if (p.g.pooling == Pooling::mean) {
    run(p.c, p.c.kernels.mean_pool_spread, p.b.d_features.x, p.batch.offsets, texts, h, p.b.d_rows);
  } else if (pools) {
    run(p.c, p.c.kernels.activation_backward, Activation::tanh, p.b.pooled_pre, d_features, texts * h,
        d_features);
    round_operand(p.c, p.b.d_features, texts, h);
    linear_weight_backward(p.c, p.w.pooler, p.b.hidden, p.b.d_features, texts, p.gradients[pooler],
                           p.gradients[pooler + 1], p.b.scratch);
    linear_input_backward(p.c, p.w.pooler, p.b.d_features, texts, {p.b.d_rows, h});
  }
  return below;
}

/// dS2 (in d_rows; dy: past its dropout) to dY1 (in d_rows): the feed-forward part.
void feed_forward_backward(const Back& p, const BertLayerWeights& w, const BertLayerBuffers& b,
                           const Operand& dy, float* const* grad, int64_t rows) {
  const int64_t wide = p.g.intermediate;
  linear_weight_backward(p.c, w.down, b.up, dy, rows, grad[kDownWeight], grad[kDownBias], p.b.scratch);
  GemmResult d_wide = result_in(p.b.d_wide);
  d_wide.activation = p.g.activation;
  d_wide.derivative_at = b.pre, d_wide.ld_pre = wide;
  d_wide.sums = p.b.sums;
  multiply(p.c, rows, wide, p.g.hidden, dy, w.down.weight, d_wide);
  linear_weight_backward(p.c, w.up, b.y1, p.b.d_wide, rows, grad[kUpWeight], grad[kUpBias], p.b.scratch);
  linear_input_backward(p.c, w.up, p.b.d_wide, rows, {p.b.d_rows, p.g.hidden}, p.b.d_rows);
}

/// Where the gradients of queries, keys and values come from and go to; data, ld: the side of the operands.
template <class Gradients, class T>
Gradients attention_gradients(const Back& p, const BertLayerBuffers& b, bool first_only, T* Operand::*data,
                              int64_t Operand::*ld) {
  const int64_t h = p.g.hidden;
  const Operand& dq = first_only ? p.b.d_q : p.b.d_qkv;
  Gradients a = {};
  a.o = b.context.*data, a.ldo = h;
  a.d_o = p.b.d_context.*data, a.ld_do = h;
  a.log_sums = b.log_sums, a.row_sums = p.b.row_sums;
  a.dq = dq.*data, a.ld_dq = dq.*ld;
  a.dk = p.b.d_qkv.*data + h, a.ld_dk = 3 * h;
  a.dv = p.b.d_qkv.*data + 2 * h, a.ld_dv = 3 * h;
  return a;
}

/// Gradients of queries, keys and values from that of the attention's output.
void attention_backward(const Back& p, const BertLayerBuffers& b, bool first_only, const Dropout& mask) {
  const int64_t h = p.g.hidden, rows = first_only ? p.batch.texts : p.batch.tokens;
  if (has_bf16_attention(p.g, p.c.precision)) {
    run(p.c, p.c.kernels.attention_bf16_backward, attention_bf16_batch(p.g, p.batch, b, first_only, mask),
        rows,
        attention_gradients<AttentionBf16Gradients>(p, b, first_only, &Operand::rounded,
                                                    &Operand::ld_rounded));
    return;
  }
  run(p.c, p.c.kernels.attention_backward, attention_batch(p.g, p.batch, b, first_only, mask), rows,
      attention_gradients<AttentionGradients>(p, b, first_only, &Operand::x, &Operand::ld));
  if (first_only) round_operand(p.c, p.b.d_q, rows, h);
  round_operand(p.c, p.b.d_qkv, p.batch.tokens, 3 * h);
}

/// Gradients of the weights of queries, keys and values.
void projection_weights_backward(const Back& p, const BertLayerBuffers& b, float* const* grad,
                                 bool first_only) {
  const int64_t h = p.g.hidden, skip = first_only ? 1 : 0;
  // Of `blocks` of the three, from number `first` on.
  const auto backward = [&](const Operand& x, const Operand& dy, int64_t rows, int64_t first,
                            int64_t blocks) {
    weight_backward(p.c, {x, dy, rows, blocks * h, h, grad[kQueryWeight + 2 * first], h});
    bias_backward(p.c, dy, rows, blocks * h, grad[kQueryBias + 2 * first], p.b.scratch);
  };
  backward(b.in, p.b.d_qkv.columns(skip * h), p.batch.tokens, skip, 3 - skip);
  if (first_only) backward(b.first, p.b.d_q, p.batch.texts, 0, 1);
}

/// d_rows = gradient of the layer's input: through queries, keys and values, and the residual path (dS1, in
/// d_rows before).
void projection_input_backward(const Back& p, const Linear& qkv, bool first_only) {
  const int64_t h = p.g.hidden, tokens = p.batch.tokens, texts = p.batch.texts;
  GemmResult r = result_in({p.b.d_rows, h});
  if (!first_only) {  // the sums start from dS1
    r.accumulate = true;
    multiply(p.c, tokens, h, 3 * h, p.b.d_qkv, qkv.weight, r);
    return;
  }
  // dS1 and the queries belong to the first rows: gathered in d_first, then added to those of all rows.
  GemmResult first = result_in({p.b.d_first, h});
  first.residual = p.b.d_rows, first.ld_residual = h;
  multiply(p.c, texts, h, h, p.b.d_q, qkv.weight, first);
  multiply(p.c, tokens, h, 2 * h, p.b.d_qkv.columns(h), qkv.weight.rows(h), r);
  run(p.c, p.c.kernels.scatter_add_rows, p.b.d_first, h, p.batch.offsets, p.batch.numbers, 0, texts, h,
      p.b.d_rows, h);
}

Norm second_norm(const Back& p, int64_t layer) {
  const BertLayerWeights& w = p.w.layers[layer];
  const BertLayerBuffers& b = p.b.layers[layer - p.b.first_layer];
  float* const* grad = p.gradients + bert_tensor(layer, 0);
  return {b.sum2, w.gamma2, b.mean2, b.rstd2, grad[kGamma2], grad[kBeta2]};
}

/// d_rows: on entry the gradient of the layer's output; on return, where `input` is wanted, of its input.
void encoder_layer_backward(const Back& p, int64_t layer, bool input) {
  const BertLayerWeights& w = p.w.layers[layer];
  const BertLayerBuffers& b = p.b.layers[layer - p.b.first_layer];
  float* const* grad = p.gradients + bert_tensor(layer, 0);
  const bool first_only = p.batch.first_row_only && layer == p.g.layers - 1;
  const int64_t rows = first_only ? p.batch.texts : p.batch.tokens;
  const Operand d_down = norm_backward(p, second_norm(p, layer), ffn_output_site(layer), rows);
  feed_forward_backward(p, w, b, d_down, grad, rows);
  const Norm first_norm = {b.sum1, w.gamma1, b.mean1, b.rstd1, grad[kGamma1], grad[kBeta1]};
  const Operand d_out = norm_backward(p, first_norm, attention_output_site(layer), rows);
  linear_weight_backward(p.c, w.out, b.context, d_out, rows, grad[kOutWeight], grad[kOutBias], p.b.scratch);
  linear_input_backward(p.c, w.out, d_out, rows, p.b.d_context);
  const Dropout mask = mask_of(p.dropout.key, p.dropout.attention, attention_site(layer));
  attention_backward(p, b, first_only, mask);
  projection_weights_backward(p, b, grad, first_only);
  if (input) projection_input_backward(p, w.qkv, first_only);
}

/// From the gradient of the first layer's input (d_rows) to the three tables and their LayerNorm.
void embeddings_backward(const Back& p) {
  const int64_t h = p.g.hidden, n = p.batch.tokens;
  float* d = p.b.d_rows;
  const Norm norm = {p.b.embedded,
                     p.w.gamma,
                     p.b.embedded_mean,
                     p.b.embedded_rstd,
                     p.gradients[kEmbeddingGamma],
                     p.gradients[kEmbeddingBeta]};
  run_dropout(p.c, mask_of(p.dropout.key, p.dropout.hidden, embedding_site()), d, n * h);
  norm_params_backward(p, norm, n);
  run(p.c, p.c.kernels.layer_norm_backward, norm.sum, norm.gamma, norm.mean, norm.rstd, d, n, h, d);
  run(p.c, p.c.kernels.embedding_sum_backward, d, n, h,
      TableGradient{p.gradients[kWord], p.batch.ids, p.batch.by_word},
      TableGradient{p.gradients[kPosition], p.batch.positions, p.batch.by_position},
      TableGradient{p.gradients[kType], p.batch.type_ids, p.batch.by_type}, p.b.scratch);
}

}  // namespace

void bert_backward(DeviceCompute& compute, const BertWeights& weights, const BertBatch& batch,
                   const BertDropout& dropout, const BertBuffers& buffers, BertPoint from, float* d_logits,
                   float* const* gradients) {
  const Geometry& g = *weights.geometry;
  const Back p{compute, weights, g, batch, dropout, buffers, gradients};
  if (!head_and_pool_backward(p, from, d_logits)) return;
  if (from == last_norm_point(g)) return norm_params_backward(p, second_norm(p, g.layers - 1), batch.rows());
  const int64_t first = from < 0 ? 0 : from;
  for (int64_t l = g.layers - 1; l >= first; --l) encoder_layer_backward(p, l, l > first || from == kFromIds);
  if (from == kFromIds) embeddings_backward(p);
}

}  // namespace maque::cuda
