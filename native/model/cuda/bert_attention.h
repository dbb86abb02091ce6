// The arguments of attention in one layer of BERT.
#pragma once
#include <math.h>

#include "model/cuda/bert.h"

namespace maque::cuda {

/// Both forms of the batch: `Batch` an AttentionBatch or AttentionBf16Batch, `side` the array of an operand
/// that it reads, and its row stride.
template <class Batch, class Array>
Batch attention_arguments(const Geometry& g, const BertBatch& batch, Array qkv, int64_t ld, Array first_q,
                          bool first_only, const Dropout& mask) {
  const int64_t h = g.hidden, d = h / g.heads;
  Batch b = {};
  b.q = first_only ? first_q : qkv, b.ldq = first_only ? h : ld;
  b.k = qkv + h, b.ldk = ld;
  b.v = qkv + 2 * h, b.ldv = ld;
  b.offsets = batch.offsets;
  b.texts = batch.texts, b.heads = g.heads, b.d = d, b.longest = batch.longest;
  b.first_only = first_only;
  b.scale = static_cast<float>(1 / sqrt(static_cast<double>(d)));
  b.dropout = mask;
  b.squares = batch.squares;
  return b;
}

inline AttentionBatch attention_batch(const Geometry& g, const BertBatch& batch, const BertLayerBuffers& b,
                                      bool first_only, const Dropout& mask) {
  return attention_arguments<AttentionBatch>(g, batch, b.qkv.x, b.qkv.ld, b.first_q.x, first_only, mask);
}

inline AttentionBf16Batch attention_bf16_batch(const Geometry& g, const BertBatch& batch,
                                               const BertLayerBuffers& b, bool first_only,
                                               const Dropout& mask) {
  return attention_arguments<AttentionBf16Batch>(g, batch, b.qkv.rounded, b.qkv.ld_rounded, b.first_q.rounded,
                                                 first_only, mask);
}

}  // namespace maque::cuda
