#include <math.h>
#include <string.h>

#include "model/bert.h"

namespace maque {
namespace {

/// y = LayerNorm(x) by blocks of rows; mean and rstd may be null.
template <class T>
void norm_rows(const Compute<T>& c, const Geometry& g, const T* x, const T* gamma, const T* beta,
               int64_t rows, T* y, T* mean, T* rstd) {
  const int64_t h = g.hidden;
  for_blocks(c.executor, rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    c.kernels.layer_norm_forward(x + begin * h, gamma, beta, static_cast<T>(g.eps), end - begin, h,
                                 y + begin * h, mean == nullptr ? nullptr : mean + begin,
                                 rstd == nullptr ? nullptr : rstd + begin);
  });
}

/// What one call of bert_forward works on.
template <class T>
struct Pass {
  const Compute<T>& c;
  const BertWeights<T>& w;
  const Geometry& g;
  const BertBatch& batch;
  const BertDropout& dropout;
  const BertBuffers<T>& b;
};

template <class T>
void embed(const Pass<T>& p, T* out) {
  const int64_t h = p.g.hidden, n = p.batch.tokens;
  T* sum = p.b.embedded == nullptr ? out : p.b.embedded;
  const int32_t* types = p.batch.type_ids;
  for_blocks(p.c.executor, n, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    p.c.kernels.embedding_sum_forward(p.w.word, p.w.position, p.w.type, p.batch.ids + begin,
                                      p.batch.positions + begin, types == nullptr ? nullptr : types + begin,
                                      end - begin, h, sum + begin * h);
  });
  norm_rows(p.c, p.g, sum, p.w.gamma, p.w.beta, n, out, p.b.embedded_mean, p.b.embedded_rstd);
  run_dropout(p.c, p.dropout.key, p.dropout.hidden, embedding_site(), out, n * h);
}

/// Texts that go through a layer together: what a layer makes beside its result lies in a part of the
/// buffers that stays in the cache. In training, where it is kept, and on several threads one block is all.
struct Block {
  int64_t text, texts, row, rows;
};

template <class T>
Block next_block(const Pass<T>& p, int64_t text) {
  const int32_t* offsets = p.batch.offsets;
  int64_t end = text + 1;
  while (end < p.batch.texts && offsets[end + 1] - offsets[text] <= p.b.block_rows) ++end;
  return {text, end - text, offsets[text], offsets[end] - offsets[text]};
}

/// The last layer, where it makes so few rows that its products wait for their weights: its neighbour, which
/// has time, asks for these. Null elsewhere.
template <class T>
const BertLayerWeights<T>* layer_of_few_rows(const Pass<T>& p, int64_t after) {
  constexpr int64_t kFewRows = 4;
  const bool few = p.batch.first_row_only && p.batch.texts <= kFewRows && after == p.g.layers - 2;
  return few ? &p.w.layers[after + 1] : nullptr;
}

/// What each product of a layer asks for, so that the ones after it need not wait for their weights.
struct Asked {
  Soon by_qkv, by_out, by_up, by_down;
};

/// The first panel of the next product; or by and by all that a last layer of few rows reads. `next`: the
/// layer that goes on after this one's block, or null.
template <class T>
Asked asked(const Pass<T>& p, int64_t layer, const BertLayerWeights<T>* next) {
  if (const BertLayerWeights<T>* few = layer_of_few_rows(p, layer); few != nullptr) {
    return {few->qkv.soon(p.w.padded + kPanel), few->out.packed.soon(few->out.out),
            few->up.packed.soon(few->up.out), few->down.packed.soon(few->down.out)};
  }
  const BertLayerWeights<T>& w = p.w.layers[layer];
  return {w.out.packed.soon(kPanel), w.up.packed.soon(kPanel), w.down.packed.soon(kPanel),
          next == nullptr ? Soon{} : next->qkv.soon(kPanel)};
}

/// Queries, keys and values of a block's tokens; keys and values alone where the layer makes first rows only.
template <class T>
void project(const Pass<T>& p, const BertLayerWeights<T>& w, const BertLayerBuffers<T>& b, const Block& block,
             bool first_only, const Soon& soon) {
  const int64_t h = p.g.hidden, padded = p.w.padded, skip = first_only ? padded : 0;
  GemmArgs<T> args =
      gemm_args(block.rows, 2 * padded + h - skip, h, b.in + block.row * h, h, b.qkv + skip, 3 * padded);
  args.bias = w.qkv_bias + skip;
  args.soon = soon.data;
  args.soon_bytes = soon.bytes;
  run_gemm(p.c, args, w.qkv.columns(skip));
}

/// The first rows of all texts, and their queries.
template <class T>
void project_first(const Pass<T>& p, const BertLayerWeights<T>& w, const BertLayerBuffers<T>& b) {
  const int64_t h = p.g.hidden;
  p.c.kernels.gather_rows(b.in, h, p.batch.offsets, p.batch.texts, h, b.first, h);
  GemmArgs<T> queries = gemm_args(p.batch.texts, h, h, b.first, h, b.first_q, h);
  queries.bias = w.qkv_bias;
  run_gemm(p.c, queries, w.qkv);
}

/// One unit for each text and head.
template <class T>
void attend(const Pass<T>& p, const BertLayerBuffers<T>& b, const Block& block, int64_t layer,
            bool first_only) {
  const int64_t heads = p.g.heads, h = p.g.hidden, d = h / heads, padded = p.w.padded, ld = 3 * padded;
  const T scale = static_cast<T>(1 / sqrt(static_cast<double>(d)));
  const DropoutKey* key = p.dropout.attention > 0 ? p.dropout.key : nullptr;
  p.c.executor.parallel_for(block.texts * heads, [&](int64_t unit, int32_t worker) {
    const int64_t text = block.text + unit / heads, head = unit % heads, start = p.batch.offsets[text];
    const int64_t nk = p.batch.offsets[text + 1] - start, nq = first_only ? 1 : nk;
    const int64_t mask = heads * (first_only ? start : p.batch.squares[text]) + head * nq * nk;
    T* scratch = p.b.attention_scratch + worker * p.b.attention_scratch_size;
    T* probs = b.probs == nullptr ? scratch : b.probs + mask;
    if (b.probs == nullptr) scratch += round_up(p.batch.longest * p.batch.longest, 16);
    const int64_t row = start - block.row;
    const T* kv = b.qkv + row * ld + head * d;
    const T* q = first_only ? b.first_q + text * h + head * d : kv;
    T* o = b.context + (first_only ? text : row) * h + head * d;
    Dropout dropout{};
    if (key != nullptr) {
      dropout = {static_cast<float>(p.dropout.attention), key->seed, key->step, attention_site(layer),
                 static_cast<uint64_t>(mask)};
    }
    p.c.kernels.attention_forward(q, first_only ? h : ld, kv + padded, ld, kv + 2 * padded, ld, nq, nk, d,
                                  scale, key == nullptr ? nullptr : &dropout, probs, o, h, scratch);
  });
}

/// y = dropout(x W^T + b) + residual: fused where nothing is dropped.
template <class T>
void project_residual(const Pass<T>& p, const Linear<T>& layer, const T* x, int64_t rows, uint32_t site,
                      const T* residual, T* y, const Soon& soon) {
  const bool drops = p.dropout.key != nullptr && p.dropout.hidden > 0;
  Epilogue<T> epilogue;
  epilogue.residual = drops ? nullptr : residual;
  epilogue.soon = soon;
  linear_forward(p.c, layer, x, layer.in, rows, y, epilogue);
  if (!drops) return;
  run_dropout(p.c, p.dropout.key, p.dropout.hidden, site, y, rows * layer.out);
  run_add(p.c, residual, rows * layer.out, y);
}

/// What follows the attention of some rows, up to the input of the second LayerNorm, which goes to `out`.
template <class T>
void feed_forward(const Pass<T>& p, int64_t layer, int64_t rows, const T* in, T* out, const Asked& asked) {
  const BertLayerWeights<T>& w = p.w.layers[layer];
  const BertLayerBuffers<T>& b = p.b.layers[layer - p.b.first_layer];
  project_residual(p, w.out, b.context, rows, attention_output_site(layer), in, b.sum1, asked.by_out);
  norm_rows(p.c, p.g, b.sum1, w.gamma1, w.beta1, rows, b.y1, b.mean1, b.rstd1);
  Epilogue<T> activation;
  activation.activation = p.g.activation;
  activation.pre_activation = b.pre;
  activation.soon = asked.by_up;
  linear_forward(p.c, w.up, b.y1, p.g.hidden, rows, b.up, activation);
  project_residual(p, w.down, b.up, rows, ffn_output_site(layer), b.y1, out, asked.by_down);
}

template <class T>
void second_norm(const Pass<T>& p, int64_t layer, int64_t rows, const T* sum, T* out) {
  const BertLayerWeights<T>& w = p.w.layers[layer];
  const BertLayerBuffers<T>& b = p.b.layers[layer - p.b.first_layer];
  norm_rows(p.c, p.g, sum, w.gamma2, w.beta2, rows, out, b.mean2, b.rstd2);
}

/// One encoder layer; the last one up to the input of its second LayerNorm.
template <class T>
void encoder_layer(const Pass<T>& p, int64_t layer) {
  const BertLayerWeights<T>& w = p.w.layers[layer];
  const BertLayerBuffers<T>& b = p.b.layers[layer - p.b.first_layer];
  const bool last = layer == p.g.layers - 1, first_only = p.batch.first_row_only && last;
  T* next = last ? nullptr : bert_point_rows(p.g, p.b, layer + 1);
  if (first_only) project_first(p, w, b);
  for (int64_t text = 0; text < p.batch.texts;) {
    const Block block = next_block(p, text);
    text += block.texts;
    const bool layer_ends = text == p.batch.texts;
    const Asked ask = asked(p, layer, !layer_ends ? &w : last ? nullptr : &w + 1);
    project(p, w, b, block, first_only, ask.by_qkv);
    attend(p, b, block, layer, first_only);
    if (first_only) continue;
    const int64_t at = block.row * p.g.hidden;
    feed_forward(p, layer, block.rows, b.in + at, b.sum2 + at, ask);
    if (!last) second_norm(p, layer, block.rows, b.sum2 + at, next + at);
  }
  if (first_only) feed_forward(p, layer, p.batch.texts, b.first, b.sum2, asked<T>(p, layer, nullptr));
}

template <class T>
void pool(const Pass<T>& p) {
  const int64_t h = p.g.hidden, texts = p.batch.texts;
  if (p.g.pooling == Pooling::pooler) {
    Epilogue<T> tanh;
    tanh.activation = Activation::tanh;
    tanh.pre_activation = p.b.pooled_pre;
    linear_forward(p.c, p.w.pooler, p.b.hidden, h, texts, p.b.features, tanh);
  } else if (p.g.pooling == Pooling::cls) {
    memcpy(p.b.features, p.b.hidden, static_cast<size_t>(texts * h) * sizeof(T));
  } else {
    for_blocks(p.c.executor, texts, int64_t{1}, [&](int64_t begin, int64_t end, int32_t) {
      p.c.kernels.mean_pool_forward(p.b.hidden, h, p.batch.offsets + begin, nullptr, end - begin, h,
                                    p.b.features + begin * h);
    });
  }
}

}  // namespace

template <class T>
void bert_forward(const Compute<T>& compute, const BertWeights<T>& weights, const BertBatch& batch,
                  const BertDropout& dropout, const BertBuffers<T>& buffers, BertPoint from, BertPoint to) {
  const Geometry& g = *weights.geometry;
  const Pass<T> p{compute, weights, g, batch, dropout, buffers};
  if (from == kFromIds) embed(p, bert_point_rows(g, buffers, 0));
  for (int64_t l = from < 0 ? 0 : from; l < g.layers && l < to; ++l) encoder_layer(p, l);
  if (from <= last_norm_point(g) && to >= last_hidden_point(g)) {
    second_norm(p, g.layers - 1, batch.rows(), buffers.layers[buffers.layer_count - 1].sum2, buffers.hidden);
  }
  if (from <= last_hidden_point(g) && to >= features_point(g)) pool(p);
  if (to < logits_point(g)) return;
  run_dropout(compute, dropout.key, dropout.head, features_site(g), buffers.features, batch.texts * g.hidden);
  head_forward(compute, weights.head, buffers.features, batch.texts, buffers.head, HeadDropout{},
               buffers.logits);
}

#define MAQUE_INSTANTIATE(T)                                                                \
  template void bert_forward<T>(const Compute<T>&, const BertWeights<T>&, const BertBatch&, \
                                const BertDropout&, const BertBuffers<T>&, BertPoint, BertPoint);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
