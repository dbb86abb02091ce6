// bfloat16 in plain C++: the upper half of a float, and one step of a dot product as AVX512_BF16 makes it.
#pragma once
#include "core/attributes.h"
#include "core/types.h"

namespace maque {

MAQUE_INLINE float from_bf16(uint16_t x) {
  const uint32_t word = static_cast<uint32_t>(x) << 16;
  float value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

/// To nearest, ties to even; a denormal number becomes 0 of its sign, a NaN stays a (quiet) NaN.
MAQUE_INLINE uint16_t to_bf16(float x) {
  uint32_t word;
  __builtin_memcpy(&word, &x, sizeof word);
  const uint32_t exponent = word & 0x7F800000u, upper = word >> 16;
  if (exponent == 0) return static_cast<uint16_t>(upper & 0x8000u);
  if (x != x) return static_cast<uint16_t>(upper | 0x40u);
  return static_cast<uint16_t>((word + 0x7FFFu + (upper & 1u)) >> 16);
}

/// x, or 0 of its sign where it is denormal.
MAQUE_INLINE float flush_denormal(float x) {
  return __builtin_fabsf(x) < 0x1p-126f ? __builtin_copysignf(0.0f, x) : x;
}

/// c + a[1] b[1] + a[0] b[0], rounded after each term: see gemm_bf16.h.
MAQUE_INLINE float bf16_dot_step(float c, uint16_t a0, uint16_t a1, uint16_t b0, uint16_t b1) {
  const float x0 = flush_denormal(from_bf16(a0)), x1 = flush_denormal(from_bf16(a1));
  const float y0 = flush_denormal(from_bf16(b0)), y1 = flush_denormal(from_bf16(b1));
  return flush_denormal(__builtin_fmaf(x0, y0, flush_denormal(__builtin_fmaf(x1, y1, flush_denormal(c)))));
}

}  // namespace maque
