// Scaled dot-product attention of one head over one text (Vaswani et al., arXiv 1706.03762):
//   P = softmax(scale * Q K^T) by rows, O = dropout(P) V.
// Scores and outputs are fma chains over d and over the keys, from 0; scale multiplies the finished sum; a
// row's maximum is exact; the sum of exponentials uses 16 virtual lanes as in layer_norm.h; P = e / sum.
//
// Error bounds (fp32) for d <= 128, nk <= 512, |scores| <= 20 and dropout with p <= 0.2:
//   O       2e-5 * max|V|
//   P       2e-5
//   dQ, dK  5e-7 * d * scale * max|V| * max|dO| * max(|Q|, |K|)
//   dV      2e-7 * nq * max|dO|
#pragma once
#include "core/types.h"

namespace maque {

/// Elements of scratch for one call, forward or backward.
constexpr int64_t attention_scratch(int64_t nq, int64_t nk, int64_t d) {
  return 3 * (nk + 32) * (d + 32) + 3 * (nq + 32) * (d + 32) + 2 * (nq + 32) * (nk + 32);
}

/// q [nq, d], k and v [nk, d], o [nq, d], each with its row stride. probs [nq, nk] contiguous receives P
/// before dropout (a backward pass reads it). Dropout element index of (i, j) is i * nk + j. dropout may be
/// null.
template <class T>
using attention_forward_fn = void(const T* q, int64_t ldq, const T* k, int64_t ldk, const T* v, int64_t ldv,
                                  int64_t nq, int64_t nk, int64_t d, T scale, const Dropout* dropout,
                                  T* probs, T* o, int64_t ldo, T* scratch);

/// Overwrites dq, dk, dv from d_o (chains over d, the keys or the queries as in the forward pass; rowsum in
/// 16 virtual lanes, fma):
///   dV = dropout(P)^T dO,  dP = dropout'(dO V^T),  dS = P * (dP - rowsum(dP * P)),
///   dQ = scale * dS K,  dK = scale * dS^T Q.
template <class T>
using attention_backward_fn = void(const T* q, int64_t ldq, const T* k, int64_t ldk, const T* v, int64_t ldv,
                                   const T* probs, const T* d_o, int64_t ld_do, int64_t nq, int64_t nk,
                                   int64_t d, T scale, const Dropout* dropout, T* dq, int64_t ld_dq, T* dk,
                                   int64_t ld_dk, T* dv, int64_t ld_dv, T* scratch);

}  // namespace maque
