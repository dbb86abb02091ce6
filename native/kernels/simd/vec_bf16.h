// Pairs of bf16 in the 32-bit lanes of F, on AVX512_BF16, on arm64's FEAT_BF16, or emulated. A pair's element
// 0 is its lower half.
//   bf16_words(low, high)   lane l: elements 2 l and 2 l + 1 of the 32 in low, high
//   bf16_pairs(even, odd)   lane l: even's lane l and odd's
//   bf16_dot(a, b, c)       c + a[1] b[1] + a[0] b[0], as in kernels/gemm_bf16.h
#pragma once
#include "kernels/bf16.h"
#include "kernels/simd/vec.h"

namespace maque::MAQUE_ISA {

#if defined(MAQUE_ISA_AVX512BF16)

MAQUE_INLINE F bf16_words(F low, F high) {
  return {_mm512_castsi512_ps(reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high.v, low.v)))};
}

MAQUE_INLINE F bf16_pairs(F even, F odd) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                         22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return {_mm512_castsi512_ps(_mm512_permutexvar_epi16(order, bits(bf16_words(even, odd)).v))};
}

MAQUE_INLINE F bf16_dot(F a, F b, F c) {
  return {_mm512_dpbf16_ps(c.v, reinterpret_cast<__m512bh>(a.v), reinterpret_cast<__m512bh>(b.v))};
}

#elif defined(MAQUE_ISA_NEON_BF16)

/// The conversion rounds denormal numbers; to_bf16 takes them as 0 of their sign.
MAQUE_INLINE float32x4_t flush_denormals(float32x4_t x) {
  const uint32x4_t denormal = vcaltq_f32(x, vdupq_n_f32(0x1p-126f)), magnitude = vdupq_n_u32(0x7FFFFFFF);
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vandq_u32(denormal, magnitude)));
}

/// Eight elements, the lower four first.
MAQUE_INLINE uint16x8_t bf16_eight(float32x4_t low, float32x4_t high) {
  return vreinterpretq_u16_bf16(
      vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(flush_denormals(low)), flush_denormals(high)));
}

MAQUE_INLINE F bf16_words(F low, F high) {
  return {{vreinterpretq_f32_u16(bf16_eight(low.v[0], low.v[1])),
           vreinterpretq_f32_u16(bf16_eight(low.v[2], low.v[3])),
           vreinterpretq_f32_u16(bf16_eight(high.v[0], high.v[1])),
           vreinterpretq_f32_u16(bf16_eight(high.v[2], high.v[3]))}};
}

MAQUE_INLINE F bf16_pairs(F even, F odd) {
  const uint16x8_t even_low = bf16_eight(even.v[0], even.v[1]), even_high = bf16_eight(even.v[2], even.v[3]);
  const uint16x8_t odd_low = bf16_eight(odd.v[0], odd.v[1]), odd_high = bf16_eight(odd.v[2], odd.v[3]);
  return {{vreinterpretq_f32_u16(vzip1q_u16(even_low, odd_low)),
           vreinterpretq_f32_u16(vzip2q_u16(even_low, odd_low)),
           vreinterpretq_f32_u16(vzip1q_u16(even_high, odd_high)),
           vreinterpretq_f32_u16(vzip2q_u16(even_high, odd_high))}};
}

MAQUE_INLINE F bf16_dot(F a, F b, F c) {
  return quarters<F>([&](int q) {
    return vbfdotq_f32(c.v[q], vreinterpretq_bf16_f32(a.v[q]), vreinterpretq_bf16_f32(b.v[q]));
  });
}

#else

MAQUE_INLINE F bf16_pair_lanes(const uint16_t (&even)[16], const uint16_t (&odd)[16]) {
  return floats(lanes<I>(
      [&](int l) { return wrap(static_cast<uint32_t>(even[l]) | static_cast<uint32_t>(odd[l]) << 16); }));
}

MAQUE_INLINE F bf16_pairs(F even, F odd) {
  uint16_t low[16], high[16];
  for (int l = 0; l < 16; ++l) low[l] = to_bf16(even.v[l]), high[l] = to_bf16(odd.v[l]);
  return bf16_pair_lanes(low, high);
}

MAQUE_INLINE F bf16_words(F low, F high) {
  const auto element = [&](int i) { return i < 16 ? low.v[i] : high.v[i - 16]; };
  return bf16_pairs(lanes<F>([&](int l) { return element(2 * l); }),
                    lanes<F>([&](int l) { return element(2 * l + 1); }));
}

MAQUE_INLINE F bf16_dot(F a, F b, F c) {
  const I x = bits(a), y = bits(b);
  return lanes<F>([&](int l) {
    const uint32_t left = word(x.v[l]), right = word(y.v[l]);
    return bf16_dot_step(c.v[l], static_cast<uint16_t>(left), static_cast<uint16_t>(left >> 16),
                         static_cast<uint16_t>(right), static_cast<uint16_t>(right >> 16));
  });
}

#endif

}  // namespace maque::MAQUE_ISA
