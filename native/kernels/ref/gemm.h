// Matrix product: plain loops. See kernels/gemm.h.
#pragma once
#include "kernels/gemm.h"
#include "kernels/math.h"

namespace maque::ref {

template <class T>
void gemm_pack(const T* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n, T* packed) {
  for (int64_t j = 0; j < (n + kPanel - 1) / kPanel * kPanel; ++j) {
    T* column = packed + j / kPanel * k * kPanel + j % kPanel;
    for (int64_t p = 0; p < k; ++p) column[p * kPanel] = j < n ? b[p * row_stride + j * col_stride] : T(0);
  }
}

template <class T>
void gemm(const GemmArgs<T>& g) {
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      const T* column = g.b + j / kPanel * g.k * kPanel + j % kPanel;
      T sum = g.accumulate ? g.c[i * g.ldc + j] : T(0);
      for (int64_t p = 0; p < g.k; ++p) {
        sum = math::fma(g.a[i * g.a_row_stride + p * g.a_k_stride], column[p * kPanel], sum);
      }
      if (g.bias != nullptr) sum += g.bias[j];
      if (g.pre_activation != nullptr) g.pre_activation[i * g.ld_pre + j] = sum;
      T result = math::activate(g.activation, sum);
      if (g.residual != nullptr) result += g.residual[i * g.ld_residual + j];
      g.c[i * g.ldc + j] = result;
    }
  }
}

}  // namespace maque::ref
