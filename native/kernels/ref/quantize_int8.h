// Rows to bytes: plain loops. See kernels/quantize_int8.h.
#pragma once
#include "kernels/gemm_int8.h"
#include "kernels/math.h"
#include "kernels/quantize_int8.h"

namespace maque::ref {

/// zero_point + rne(v) clamped to [1, 2 zero_point - 1]; NaN counts as 0.
inline uint8_t quantize(float v, int32_t zero_point) {
  const float limit = static_cast<float>(zero_point - 1);
  const float low = v > -limit ? v : -limit, clamped = low < limit ? low : limit;
  const float rounded = ((v == v ? clamped : 0.0f) + math::kRound) - math::kRound;
  return static_cast<uint8_t>(zero_point + static_cast<int32_t>(rounded));
}

inline void quantize_rows(const float* x, int64_t ldx, int64_t rows, int64_t k, int32_t zero_point,
                          uint8_t* q, int64_t ldq, float* scale) {
  const float limit = static_cast<float>(zero_point - 1);
  for (int64_t i = 0; i < rows; ++i) {
    float most = 0.0f;
    for (int64_t p = 0; p < k; ++p) {
      const float magnitude = __builtin_fabsf(x[i * ldx + p]);
      if (!(magnitude <= most)) most = magnitude == magnitude ? magnitude : __builtin_nanf("");
      if (most != most) break;
    }
    const float r = limit / most;
    scale[i] = most == 0.0f ? 0.0f : most / limit;
    for (int64_t p = 0; p < int8_whole_k(k); ++p) {
      const float v = p < k && most != 0.0f ? x[i * ldx + p] * r : 0.0f;
      q[i * ldq + p] = quantize(v, zero_point);
    }
  }
}

/// rne(v), v within +- 2^22.
inline float round_even(float v) { return (v + math::kRound) - math::kRound; }

inline void quantize_rows_affine(const float* x, int64_t ldx, const float* factor, int64_t rows, int64_t k,
                                 uint8_t* q, int64_t ldq, float* scale, int32_t* zero) {
  const auto value = [=](int64_t i, int64_t p) {
    return factor == nullptr ? x[i * ldx + p] : x[i * ldx + p] * factor[p];
  };
  for (int64_t i = 0; i < rows; ++i) {
    float low = 0.0f, high = 0.0f;
    bool finite = true;
    for (int64_t p = 0; p < k; ++p) {
      const float v = value(i, p);
      finite = finite && v - v == 0.0f;
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    const float range = high - low;
    const bool some = finite && range >= kLeastRange;
    const float r = some ? 255.0f / range : 0.0f;
    scale[i] = !finite ? __builtin_nanf("") : some ? range / 255.0f : 0.0f;
    const float z = some ? round_even(-low * r) : 128.0f;
    zero[i] = static_cast<int32_t>(z);
    for (int64_t p = 0; p < int8_whole_k(k); ++p) {
      const float v = (some && p < k ? round_even(value(i, p) * r) : 0.0f) + z;
      q[i * ldq + p] = static_cast<uint8_t>(v < 0.0f ? 0.0f : v > 255.0f ? 255.0f : v);
    }
  }
}

}  // namespace maque::ref
