// Product of 8-bit integers: plain loops. See kernels/gemm_int8.h.
#pragma once
#include "kernels/gemm_int8.h"
#include "kernels/math.h"

namespace maque::ref {

inline void gemm_int8(const GemmInt8Args& g) {
  const int64_t steps = int8_whole_k(g.k) / kInt8Step;
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      const int8_t* column = g.b + (j / kInt8Panel * steps * kInt8Panel + j % kInt8Panel) * kInt8Step;
      // A zero point z of the row's own: z times the sum of the weights, of which offsets has kZeroPoint8.
      int32_t sum = g.a_zero == nullptr ? -g.offsets[j] : -(g.offsets[j] / kZeroPoint8) * g.a_zero[i];
      for (int64_t p = 0; p < g.k; ++p) {
        sum += g.a[i * g.lda + p] * column[p / kInt8Step * kInt8Panel * kInt8Step + p % kInt8Step];
      }
      float y = static_cast<float>(sum) * (g.w_scale[j] * g.a_scale[i * g.a_scale_stride]);
      if (g.bias != nullptr) y += g.bias[j];
      y = math::activate(g.activation, y);
      if (g.residual != nullptr) y += g.residual[i * g.ld_residual + j];
      g.c[i * g.ldc + j] = y;
    }
  }
}

}  // namespace maque::ref
