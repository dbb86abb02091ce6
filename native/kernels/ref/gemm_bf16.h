// Matrix product in bf16: plain loops. See kernels/gemm_bf16.h.
#pragma once
#include "kernels/bf16.h"
#include "kernels/gemm_bf16.h"
#include "kernels/math.h"

namespace maque::ref {

inline void gemm_bf16_pack(const float* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n,
                           uint16_t* packed) {
  const int64_t pairs = (k + 1) / 2;
  for (int64_t j = 0; j < (n + kPanel - 1) / kPanel * kPanel; ++j) {
    uint16_t* column = packed + (j / kPanel * pairs * kPanel + j % kPanel) * 2;
    for (int64_t p = 0; p < 2 * pairs; ++p) {
      const bool inside = p < k && j < n;
      column[p / 2 * kPanel * 2 + p % 2] = inside ? to_bf16(b[p * row_stride + j * col_stride]) : uint16_t{0};
    }
  }
}

inline void gemm_bf16(const GemmArgs<float>& g, const uint16_t* b) {
  const int64_t pairs = (g.k + 1) / 2;
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      const uint16_t* column = b + (j / kPanel * pairs * kPanel + j % kPanel) * 2;
      const float* row = g.a + i * g.a_row_stride;
      float sum = g.accumulate ? g.c[i * g.ldc + j] : 0.0f;
      for (int64_t q = 0; q < pairs; ++q) {
        const uint16_t even = to_bf16(row[2 * q * g.a_k_stride]);
        const uint16_t odd = 2 * q + 1 < g.k ? to_bf16(row[(2 * q + 1) * g.a_k_stride]) : uint16_t{0};
        sum = bf16_dot_step(sum, even, odd, column[q * kPanel * 2], column[q * kPanel * 2 + 1]);
      }
      if (g.bias != nullptr) sum += g.bias[j];
      if (g.pre_activation != nullptr) g.pre_activation[i * g.ld_pre + j] = sum;
      float result = math::activate(g.activation, sum);
      if (g.residual != nullptr) result += g.residual[i * g.ld_residual + j];
      g.c[i * g.ldc + j] = result;
    }
  }
}

}  // namespace maque::ref
