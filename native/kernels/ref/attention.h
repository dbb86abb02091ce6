#pragma once
#include "kernels/attention.h"
#include "kernels/ref/dropout.h"
#include "kernels/ref/lanes.h"

namespace maque::ref {

/// c[i, j] = sum_p a[i * a_row + p * a_k] * b[p * b_k + j * b_col], one fma chain over p, times scale.
template <class T>
void attention_product(const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t b_k, int64_t b_col,
                       int64_t m, int64_t n, int64_t k, T scale, T* c, int64_t ldc) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < k; ++p) sum = math::fma(a[i * a_row + p * a_k], b[p * b_k + j * b_col], sum);
      c[i * ldc + j] = sum * scale;
    }
  }
}

template <class T>
void softmax_row(T* row, int64_t n) {
  if (n == 0) return;
  T max = row[0];
  for (int64_t j = 1; j < n; ++j) max = row[j] > max ? row[j] : max;
  Lanes<T> sum;
  for (int64_t j = 0; j < n; ++j) {
    row[j] = math::exp(row[j] - max);
    sum.add(j, row[j]);
  }
  const T total = sum.fold();
  for (int64_t j = 0; j < n; ++j) row[j] /= total;
}

template <class T>
void attention_forward(const T* q, int64_t ldq, const T* k, int64_t ldk, const T* v, int64_t ldv, int64_t nq,
                       int64_t nk, int64_t d, T scale, const Dropout* mask, T* probs, T* o, int64_t ldo,
                       T* scratch) {
  attention_product(q, ldq, 1, k, 1, ldk, nq, nk, d, scale, probs, nk);
  for (int64_t i = 0; i < nq; ++i) softmax_row(probs + i * nk, nk);
  const T* kept = probs;
  if (mask != nullptr) {
    dropout(*mask, probs, nq * nk, scratch);
    kept = scratch;
  }
  attention_product(kept, nk, 1, v, ldv, 1, nq, d, nk, T(1), o, ldo);
}

/// dS from dP (in place): dS = P * (dP - rowsum(dP * P)).
template <class T>
void softmax_row_backward(const T* p, int64_t n, T* dp) {
  Lanes<T> sum;
  for (int64_t j = 0; j < n; ++j) sum.add_product(j, dp[j], p[j]);
  const T total = sum.fold();
  for (int64_t j = 0; j < n; ++j) dp[j] = p[j] * (dp[j] - total);
}

template <class T>
void attention_backward(const T* q, int64_t ldq, const T* k, int64_t ldk, const T* v, int64_t ldv,
                        const T* probs, const T* d_o, int64_t ld_do, int64_t nq, int64_t nk, int64_t d,
                        T scale, const Dropout* mask, T* dq, int64_t ld_dq, T* dk, int64_t ld_dk, T* dv,
                        int64_t ld_dv, T* scratch) {
  T* ds = scratch;
  T* kept_copy = scratch + nq * nk;
  const T* kept = probs;
  attention_product(d_o, ld_do, 1, v, 1, ldv, nq, nk, d, T(1), ds, nk);
  if (mask != nullptr) {
    dropout(*mask, probs, nq * nk, kept_copy);
    kept = kept_copy;
    dropout(*mask, ds, nq * nk, ds);
  }
  attention_product(kept, 1, nk, d_o, ld_do, 1, nk, d, nq, T(1), dv, ld_dv);
  for (int64_t i = 0; i < nq; ++i) softmax_row_backward(probs + i * nk, nk, ds + i * nk);
  attention_product(ds, nk, 1, k, ldk, 1, nq, d, nk, scale, dq, ld_dq);
  attention_product(ds, 1, nk, q, ldq, 1, nk, d, nq, scale, dk, ld_dk);
}

}  // namespace maque::ref
