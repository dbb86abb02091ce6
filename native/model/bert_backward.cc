// The backward pass of BERT. Where a layer is x -> y, d_x below is the gradient of the objective with respect
// to x.
#include <math.h>
#include <string.h>

#include "model/bert.h"

namespace maque {
namespace {

template <class T>
struct Back {
  const Compute<T>& c;
  const BertWeights<T>& w;
  const Geometry& g;
  const BertBatch& batch;
  const BertDropout& dropout;
  const BertBuffers<T>& b;
  T* const* gradients;
};

/// d_x = gradient through LayerNorm; gradients of gamma and beta accumulate where they are trained.
template <class T>
void norm_backward(const Back<T>& p, const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy,
                   int64_t rows, T* d_gamma, T* d_beta, T* dx) {
  const int64_t h = p.g.hidden;
  if (d_gamma != nullptr) {
    for_blocks(p.c.executor, h, kColumnBlock, [&](int64_t begin, int64_t end, int32_t) {
      p.c.kernels.layer_norm_params_backward(x, mean, rstd, dy, rows, h, begin, end, d_gamma, d_beta);
    });
  }
  if (dx == nullptr) return;
  for_blocks(p.c.executor, rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    p.c.kernels.layer_norm_backward(x + begin * h, gamma, mean + begin, rstd + begin, dy + begin * h,
                                    end - begin, h, dx + begin * h);
  });
}

/// The gradient that passes a dropout mask: dy itself without one, else `masked`, which receives it.
template <class T>
const T* through_dropout(const Back<T>& p, uint32_t site, const T* dy, int64_t n, T* masked) {
  if (p.dropout.key == nullptr || p.dropout.hidden == 0) return dy;
  run_dropout_to(p.c, *p.dropout.key, p.dropout.hidden, site, dy, n, masked);
  return masked;
}

/// From the gradient of the logits to that of the last hidden rows (in b.d_rows). False where nothing below
/// is trained.
template <class T>
bool head_and_pool_backward(const Back<T>& p, BertPoint from, const T* d_logits) {
  const int64_t h = p.g.hidden, texts = p.batch.texts;
  const bool below = from < features_point(p.g);
  const int64_t pooler = pooler_tensor(p.g);
  const bool pools = p.g.pooling == Pooling::pooler;
  const bool needed = below && (from <= last_norm_point(p.g) || (pools && p.gradients[pooler] != nullptr));
  head_backward(p.c, p.w.head, p.b.features, texts, p.b.head, HeadDropout{}, d_logits,
                p.gradients + head_tensor(p.g), needed ? p.b.d_features : nullptr);
  if (!needed) return false;
  run_dropout(p.c, p.dropout.key, p.dropout.head, features_site(p.g), p.b.d_features, texts * h);
  if (p.g.pooling == Pooling::mean) {
    memset(p.b.d_rows, 0, static_cast<size_t>(p.batch.tokens * h) * sizeof(T));
    p.c.kernels.mean_pool_backward(p.b.d_features, p.batch.offsets, nullptr, texts, h, p.b.d_rows, h);
  } else if (pools) {
    run_activation_backward(p.c, Activation::tanh, p.b.pooled_pre, texts * h, p.b.d_features);
    linear_weight_backward(p.c, p.w.pooler, p.b.hidden, h, p.b.d_features, h, texts, p.b.pack,
                           p.gradients[pooler], p.gradients[pooler + 1]);
    linear_input_backward(p.c, p.w.pooler, p.b.d_features, h, texts, p.b.d_rows);
  } else {
    memcpy(p.b.d_rows, p.b.d_features, static_cast<size_t>(texts * h) * sizeof(T));
  }
  return from <= last_norm_point(p.g);
}

/// dS2 (in d_rows) to dS1 (in d_rows): the feed-forward part and the first LayerNorm.
template <class T>
void feed_forward_backward(const Back<T>& p, int64_t layer, int64_t rows) {
  const BertLayerWeights<T>& w = p.w.layers[layer];
  const BertLayerBuffers<T>& b = p.b.layers[layer - p.b.first_layer];
  T* const* grad = p.gradients + bert_tensor(layer, 0);
  const int64_t h = p.g.hidden, wide = p.g.intermediate;
  const T* dy = through_dropout(p, ffn_output_site(layer), p.b.d_rows, rows * h, p.b.d_hidden);
  linear_weight_backward(p.c, w.down, b.up, wide, dy, h, rows, p.b.pack, grad[kDownWeight], grad[kDownBias]);
  linear_input_backward(p.c, w.down, dy, h, rows, p.b.d_wide);
  run_activation_backward(p.c, p.g.activation, b.pre, rows * wide, p.b.d_wide);
  linear_weight_backward(p.c, w.up, b.y1, h, p.b.d_wide, wide, rows, p.b.pack, grad[kUpWeight],
                         grad[kUpBias]);
  linear_input_backward(p.c, w.up, p.b.d_wide, wide, rows, p.b.d_hidden, p.b.d_rows);
  norm_backward(p, b.sum1, w.gamma1, b.mean1, b.rstd1, p.b.d_hidden, rows, grad[kGamma1], grad[kBeta1],
                p.b.d_rows);
}

/// Gradients of queries, keys and values from that of the attention's output (d_context [rows, hidden]).
template <class T>
void attention_units_backward(const Back<T>& p, int64_t layer, bool first_only, const T* d_context) {
  const BertLayerBuffers<T>& b = p.b.layers[layer - p.b.first_layer];
  const int64_t heads = p.g.heads, h = p.g.hidden, d = h / heads, padded = p.w.padded, ld = 3 * padded;
  const T scale = static_cast<T>(1 / sqrt(static_cast<double>(d)));
  const DropoutKey* key = p.dropout.attention > 0 ? p.dropout.key : nullptr;
  p.c.executor.parallel_for(p.batch.texts * heads, [&](int64_t unit, int32_t worker) {
    const int64_t text = unit / heads, head = unit % heads, start = p.batch.offsets[text];
    const int64_t nk = p.batch.offsets[text + 1] - start, nq = first_only ? 1 : nk;
    const int64_t mask = heads * (first_only ? start : p.batch.squares[text]) + head * nq * nk;
    Dropout dropout{};
    if (key != nullptr) {
      dropout = {static_cast<float>(p.dropout.attention), key->seed, key->step, attention_site(layer),
                 static_cast<uint64_t>(mask)};
    }
    const T* kv = b.qkv + start * ld + head * d;
    T* d_kv = p.b.d_qkv + start * ld + head * d;
    const int64_t first = text * h + head * d, row = first_only ? text : start;
    p.c.kernels.attention_backward(first_only ? b.first_q + first : kv, first_only ? h : ld, kv + padded, ld,
                                   kv + 2 * padded, ld, b.probs + mask, d_context + row * h + head * d, h, nq,
                                   nk, d, scale, key == nullptr ? nullptr : &dropout,
                                   first_only ? p.b.d_q + first : d_kv, first_only ? h : ld, d_kv + padded,
                                   ld, d_kv + 2 * padded, ld,
                                   p.b.attention_scratch + worker * p.b.attention_scratch_size);
  });
}

/// Gradients of the weights of queries, keys and values.
template <class T>
void projection_weights_backward(const Back<T>& p, int64_t layer, bool first_only) {
  const BertLayerBuffers<T>& b = p.b.layers[layer - p.b.first_layer];
  T* const* grad = p.gradients + bert_tensor(layer, 0);
  const int64_t h = p.g.hidden, ld = 3 * p.w.padded, tokens = p.batch.tokens, texts = p.batch.texts;
  const Arithmetic& arithmetic = p.w.layers[layer].qkv.arithmetic;
  const auto backward = [&](const Packed<T>& x, const T* dy, int64_t ld_dy, int64_t rows, int64_t block) {
    weight_backward_packed(p.c, x, dy, ld_dy, h, h, grad[kQueryWeight + 2 * block]);
    run_column_sums(p.c, dy, ld_dy, rows, h, grad[kQueryBias + 2 * block]);
  };
  const Packed<T> in = pack_rows(p.c, arithmetic, b.in, h, tokens, h, p.b.pack);
  for (int64_t i = first_only ? 1 : 0; i < 3; ++i) backward(in, p.b.d_qkv + i * p.w.padded, ld, tokens, i);
  if (first_only) backward(pack_rows(p.c, arithmetic, b.first, h, texts, h, p.b.pack), p.b.d_q, h, texts, 0);
}

/// d_rows = gradient of the layer's input: through queries, keys and values, and the residual path (dS1, in
/// d_rows before).
template <class T>
void projection_input_backward(const Back<T>& p, int64_t layer, bool first_only) {
  const BertLayerWeights<T>& w = p.w.layers[layer];
  const int64_t h = p.g.hidden, ld = 3 * p.w.padded, tokens = p.batch.tokens, texts = p.batch.texts;
  if (first_only) {  // dS1 and the queries belong to the first rows: gathered in d_first, spread below
    GemmArgs<T> args = gemm_args(texts, h, h, p.b.d_q, h, p.b.d_first, h);
    args.residual = p.b.d_rows;
    args.ld_residual = h;
    run_gemm(p.c, args, w.qkv_back[0]);
  }
  // Elsewhere the sums start from dS1, which lies in d_rows already.
  for (int64_t i = first_only ? 1 : 0; i < 3; ++i) {
    GemmArgs<T> args = gemm_args(tokens, h, h, p.b.d_qkv + i * p.w.padded, ld, p.b.d_rows, h);
    args.accumulate = i != 1 || !first_only;
    run_gemm(p.c, args, w.qkv_back[i]);
  }
  if (!first_only) return;
  for (int64_t t = 0; t < texts; ++t)
    p.c.kernels.add(p.b.d_first + t * h, h, p.b.d_rows + p.batch.offsets[t] * h);
}

/// d_rows: on entry the gradient of the second LayerNorm's input; on return, where `input` is wanted, of the
/// layer's.
template <class T>
void encoder_layer_backward(const Back<T>& p, int64_t layer, bool input) {
  const BertLayerWeights<T>& w = p.w.layers[layer];
  const BertLayerBuffers<T>& b = p.b.layers[layer - p.b.first_layer];
  T* const* grad = p.gradients + bert_tensor(layer, 0);
  const bool first_only = p.batch.first_row_only && layer == p.g.layers - 1;
  const int64_t h = p.g.hidden, rows = first_only ? p.batch.texts : p.batch.tokens;
  feed_forward_backward(p, layer, rows);
  const T* dy = through_dropout(p, attention_output_site(layer), p.b.d_rows, rows * h, p.b.d_hidden);
  linear_weight_backward(p.c, w.out, b.context, h, dy, h, rows, p.b.pack, grad[kOutWeight], grad[kOutBias]);
  linear_input_backward(p.c, w.out, dy, h, rows, p.b.d_first);
  attention_units_backward(p, layer, first_only, p.b.d_first);
  projection_weights_backward(p, layer, first_only);
  if (input) projection_input_backward(p, layer, first_only);
}

/// From the gradient of the first layer's input (d_rows) to the three tables and their LayerNorm.
template <class T>
void embeddings_backward(const Back<T>& p, const EmbeddingOrder& order) {
  const int64_t h = p.g.hidden, n = p.batch.tokens;
  run_dropout(p.c, p.dropout.key, p.dropout.hidden, embedding_site(), p.b.d_rows, n * h);
  norm_backward(p, p.b.embedded, p.w.gamma, p.b.embedded_mean, p.b.embedded_rstd, p.b.d_rows, n,
                p.gradients[kEmbeddingGamma], p.gradients[kEmbeddingBeta], p.b.d_hidden);
  const int32_t* ids[] = {p.batch.ids, p.batch.positions, order.type_ids};
  const int32_t* by[] = {order.by_word, order.by_position, order.by_type};
  for (int64_t table = 0; table < 3; ++table) {
    T* gradient = p.gradients[kWord + table];
    for_blocks(p.c.executor, h, kColumnBlock, [&](int64_t begin, int64_t end, int32_t) {
      p.c.kernels.scatter_add_rows(p.b.d_hidden + begin, h, ids[table], by[table], 0, n, end - begin,
                                   gradient + begin, h);
    });
  }
}

}  // namespace

template <class T>
void bert_backward(const Compute<T>& compute, const BertWeights<T>& weights, const BertBatch& batch,
                   const BertDropout& dropout, const BertBuffers<T>& buffers, BertPoint from,
                   const T* d_logits, const EmbeddingOrder* order, T* const* gradients) {
  const Geometry& g = *weights.geometry;
  const Back<T> p{compute, weights, g, batch, dropout, buffers, gradients};
  if (!head_and_pool_backward(p, from, d_logits)) return;
  const int64_t first = from < 0 ? 0 : from;
  for (int64_t l = g.layers - 1; l >= first || l == g.layers - 1; --l) {
    const BertLayerWeights<T>& w = weights.layers[l];
    const BertLayerBuffers<T>& b = buffers.layers[l - buffers.first_layer];
    T* const* grad = gradients + bert_tensor(l, 0);
    const int64_t rows = l == g.layers - 1 ? batch.rows() : batch.tokens;
    const bool only_norm = from == last_norm_point(g);
    norm_backward(p, b.sum2, w.gamma2, b.mean2, b.rstd2, buffers.d_rows, rows, grad[kGamma2], grad[kBeta2],
                  only_norm ? nullptr : buffers.d_rows);
    if (only_norm) return;
    encoder_layer_backward(p, l, l > first || from == kFromIds);
  }
  if (from == kFromIds) embeddings_backward(p, *order);
}

#define MAQUE_INSTANTIATE(T)                                                                     \
  template void bert_backward<T>(const Compute<T>&, const BertWeights<T>&, const BertBatch&,     \
                                 const BertDropout&, const BertBuffers<T>&, BertPoint, const T*, \
                                 const EmbeddingOrder*, T* const*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
