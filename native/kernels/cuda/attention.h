// Attention of all heads over all texts of a ragged batch, in one launch and without ever storing the
// probabilities (online softmax: Milakov & Gimelshein, arXiv 1805.02867; by tiles, and again in the backward
// pass: Dao et al., arXiv 2205.14135). Operation, dropout mask and bounds are kernels/attention.h's; the bits
// are not, since sums go by tiles of keys. Sums are made by one thread or warp in a fixed order: the same
// bits at every run.
//
// In fp32 from sm_75, and in bf16 on tensor cores from sm_80 (attention_bf16_*; kInvalidDeviceFunction
// below), where the weights and the gradients of scores are rounded to bf16 before they are multiplied, and
// the results when they are written; the backward pass reads the rounded O. Against the operation on the same
// q, k, v and dO, for |scores| <= 20 and p <= 0.2:
//   O       6e-3 * max|V|
//   dQ, dK  1e-3 * d * scale * max|V| * max|dO| * max(|Q|, |K|)
//   dV      (6e-3 + 3e-4 * nq) * max|dO|
// Not yet run on a GPU.
#pragma once
#include "kernels/attention.h"
#include "kernels/cuda/launch.h"

namespace maque::cuda {

/// Largest size of a head. Backward, a head above 96 needs more shared memory than sm_75 has.
constexpr int64_t kLargestHead = 128;

/// Text t has keys and values in rows offsets[t] .. offsets[t + 1] - 1, and queries in the same rows; or,
/// where first_only, one query in row t. Head h has columns h * d .. h * d + d - 1 of each matrix. Arrays lie
/// on the device.
struct AttentionBatch {
  const float *q, *k, *v;
  int64_t ldq, ldk, ldv;
  const int32_t* offsets;   // [texts + 1]
  int64_t texts, heads, d;  // at most 65,535 texts, 65,535 heads, kLargestHead; else kInvalidValue
  int64_t longest;          // tokens of the longest text
  bool first_only;
  float scale;
  /// p = 0: none. Element (i, j) of head h of text t is number heads * square(t) + (h * nq + i) * nk + j of
  /// the mask, where square(t) is the number of scores of one head of the texts before (squares[t], [texts];
  /// where first_only, offsets[t]).
  Dropout dropout;
  const int64_t* squares;
};

/// o as q, row stride ldo; log_sums [heads, queries] (queries: tokens, or texts where first_only) receives
/// for each query the logarithm of its sum of exponentials of scores, which the backward pass reads.
using attention_forward_fn = Code(Stream stream, const AttentionBatch& batch, int64_t queries, float* o,
                                  int64_t ldo, float* log_sums);

/// What the backward pass reads and writes. Overwrites dq, dk, dv.
struct AttentionGradients {
  const float *o, *d_o;
  int64_t ldo, ld_do;
  const float* log_sums;
  float* row_sums;  // [heads, queries] scratch
  float *dq, *dk, *dv;
  int64_t ld_dq, ld_dk, ld_dv;
};

using attention_backward_fn = Code(Stream stream, const AttentionBatch& batch, int64_t queries,
                                   const AttentionGradients& gradients);

/// The same batch in bf16. d is a multiple of 8, so are all row strides, and all arrays of halves begin at
/// multiples of 16 bytes (else kInvalidValue).
struct AttentionBf16Batch {
  const uint16_t *q, *k, *v;
  int64_t ldq, ldk, ldv;
  const int32_t* offsets;
  int64_t texts, heads, d, longest;
  bool first_only;
  float scale;
  Dropout dropout;
  const int64_t* squares;
};

using attention_bf16_forward_fn = Code(Stream stream, const AttentionBf16Batch& batch, int64_t queries,
                                       uint16_t* o, int64_t ldo, float* log_sums);

struct AttentionBf16Gradients {
  const uint16_t *o, *d_o;
  int64_t ldo, ld_do;
  const float* log_sums;
  float* row_sums;  // [heads, queries] scratch
  uint16_t *dq, *dk, *dv;
  int64_t ld_dq, ld_dk, ld_dv;
};

using attention_bf16_backward_fn = Code(Stream stream, const AttentionBf16Batch& batch, int64_t queries,
                                        const AttentionBf16Gradients& gradients);

}  // namespace maque::cuda
