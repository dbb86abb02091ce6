// Bytes in the vectors of vec.h: an I as 64 bytes, four to a lane.
//
//   dot4(sum, u, s)   sum + u[0] s[0] + ... + u[3] s[3] in every lane, u unsigned and s signed bytes. Without
//                     VNNI it adds the products in pairs that saturate at 16 bits: callers keep clear of that
//                     (see kernels/gemm_int8.h). emu saturates too, so that tests on any machine would see
//                     it.
//   dot4_7bit(sum, u, s)  the same where no byte of u exceeds 127
//   broadcast4(p)     four bytes in every lane
//   widen(p)          sixteen signed bytes, one to a lane
//   max(a, b)         of signed lanes
//   a * b             the low 32 bits
//   store_low(a, p, r)  the low byte of the first r lanes, r in [0, 16]
//   store_clamped(a, p, r)  the same of lanes clamped to [-128, 127], plus 128
//   store_clamped(a, b, c, d, p)  the same of all lanes of four vectors
#pragma once
#include "kernels/simd/vec.h"

namespace maque::MAQUE_ISA {

MAQUE_INLINE I broadcast4(const void* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof x);
  return I::set1(x);
}

#if defined(MAQUE_ISA_AVX512)

MAQUE_INLINE I dot4(I sum, I u, I s) {
#  if defined(MAQUE_ISA_AVX512VNNI)
  return {_mm512_dpbusd_epi32(sum.v, u.v, s.v)};
#  else
  const __m512i pairs = _mm512_maddubs_epi16(u.v, s.v);
  return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
#  endif
}
MAQUE_INLINE I widen(const int8_t* p) {
  return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
MAQUE_INLINE I max(I a, I b) { return {_mm512_max_epi32(a.v, b.v)}; }
MAQUE_INLINE I operator*(I a, I b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
MAQUE_INLINE void store_low(I a, uint8_t* p) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
}
MAQUE_INLINE void store_low(I a, uint8_t* p, int64_t r) {
  _mm512_mask_cvtepi32_storeu_epi8(p, M::first_lanes(r).v, a.v);
}
MAQUE_INLINE void store_clamped(I a, uint8_t* p) {
  const __m128i bytes = _mm_xor_si128(_mm512_cvtsepi32_epi8(a.v), _mm_set1_epi8(INT8_MIN));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}
MAQUE_INLINE void store_clamped(I a, I b, I c, I d, uint8_t* p) {
  // Within each 128-bit block: four bytes of a, of b, of c, of d.
  const __m512i mixed = _mm512_packs_epi16(_mm512_packs_epi32(a.v, b.v), _mm512_packs_epi32(c.v, d.v));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_xor_si512(_mm512_permutexvar_epi32(order, mixed), _mm512_set1_epi8(INT8_MIN));
  _mm512_storeu_si512(p, bytes);
}

#elif defined(MAQUE_ISA_AVX2)

MAQUE_INLINE __m256i dot4_half(__m256i sum, __m256i u, __m256i s) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(u, s), _mm256_set1_epi16(1)));
}
MAQUE_INLINE I dot4(I sum, I u, I s) {
  return {dot4_half(sum.lo, u.lo, s.lo), dot4_half(sum.hi, u.hi, s.hi)};
}
MAQUE_INLINE I widen(const int8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))};
}
MAQUE_INLINE I max(I a, I b) { return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)}; }
MAQUE_INLINE I operator*(I a, I b) {
  return {_mm256_mullo_epi32(a.lo, b.lo), _mm256_mullo_epi32(a.hi, b.hi)};
}
MAQUE_INLINE void store_low(I a, uint8_t* p) {
  const I low = a & I::set1(255);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low.lo, low.hi), 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}
MAQUE_INLINE void store_clamped(I a, uint8_t* p) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.lo, a.hi), 0xD8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_xor_si128(bytes, _mm_set1_epi8(INT8_MIN)));
}
MAQUE_INLINE void store_clamped(I a, I b, uint8_t* p) {
  // Within each 128-bit block: four bytes of each half of a, then of b.
  const __m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(a.lo, a.hi), _mm256_packs_epi32(b.lo, b.hi));
  const __m256i bytes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_xor_si256(bytes, _mm256_set1_epi8(INT8_MIN)));
}
MAQUE_INLINE void store_clamped(I a, I b, I c, I d, uint8_t* p) {
  store_clamped(a, b, p);
  store_clamped(c, d, p + 2 * kLanes);
}
MAQUE_INLINE void store_low(I a, uint8_t* p, int64_t r) {
  uint8_t bytes[16];
  store_low(a, bytes);
  __builtin_memcpy(p, bytes, static_cast<size_t>(r));
}

#elif defined(MAQUE_ISA_NEON)

/// Signed bytes u - 128, and what that takes from a sum: 128 (s[0] + s[1] + s[2] + s[3]).
MAQUE_INLINE int8x16_t signed_bytes(int32x4_t u) {
  return veorq_s8(vreinterpretq_s8_s32(u), vdupq_n_s8(INT8_MIN));
}
MAQUE_INLINE int32x4_t correction(int8x16_t s) { return vshlq_n_s32(vpaddlq_s16(vpaddlq_s8(s)), 7); }

/// No instruction of the architecture's first version multiplies unsigned bytes by signed ones. Pairs of
/// products of signed bytes fit 16 bits, -128 times -128 twice apart, and no weight is -128.
MAQUE_INLINE int32x4_t dot4_quarter(int32x4_t sum, int8x16_t u, int8x16_t s) {
#  if defined(MAQUE_ISA_NEON_DOTPROD)
  return vdotq_s32(sum, u, s);
#  else
  return vpadalq_s16(sum, vpaddq_s16(vmull_s8(vget_low_s8(u), vget_low_s8(s)), vmull_high_s8(u, s)));
#  endif
}
MAQUE_INLINE I dot4(I sum, I u, I s) {
  return quarters<I>([&](int q) {
    const int8x16_t bytes = vreinterpretq_s8_s32(s.v[q]);
    return vaddq_s32(dot4_quarter(sum.v[q], signed_bytes(u.v[q]), bytes), correction(bytes));
  });
}
MAQUE_INLINE I dot4_7bit(I sum, I u, I s) {
  return quarters<I>([&](int q) {
    return dot4_quarter(sum.v[q], vreinterpretq_s8_s32(u.v[q]), vreinterpretq_s8_s32(s.v[q]));
  });
}
MAQUE_INLINE I widen(const int8_t* p) {
  const int8x16_t bytes = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
  return {{vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)),
           vmovl_high_s16(high)}};
}
MAQUE_INLINE I max(I a, I b) {
  return quarters<I>([&](int q) { return vmaxq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE I operator*(I a, I b) {
  return quarters<I>([&](int q) { return vmulq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE void store_low(I a, uint8_t* p) {
  // The even halves of the words, then their even bytes.
  const int16x8_t low = vuzp1q_s16(vreinterpretq_s16_s32(a.v[0]), vreinterpretq_s16_s32(a.v[1]));
  const int16x8_t high = vuzp1q_s16(vreinterpretq_s16_s32(a.v[2]), vreinterpretq_s16_s32(a.v[3]));
  vst1q_u8(p, vreinterpretq_u8_s8(vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high))));
}
MAQUE_INLINE void store_clamped(I a, uint8_t* p) {
  const int16x8_t low = vqmovn_high_s32(vqmovn_s32(a.v[0]), a.v[1]);
  const int16x8_t high = vqmovn_high_s32(vqmovn_s32(a.v[2]), a.v[3]);
  const int8x16_t bytes = vqmovn_high_s16(vqmovn_s16(low), high);
  vst1q_u8(p, vreinterpretq_u8_s8(veorq_s8(bytes, vdupq_n_s8(INT8_MIN))));
}
MAQUE_INLINE void store_low(I a, uint8_t* p, int64_t r) {
  uint8_t bytes[16];
  store_low(a, bytes);
  __builtin_memcpy(p, bytes, static_cast<size_t>(r));
}

#else

MAQUE_INLINE int32_t saturate16(int32_t x) {
  return x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x;
}
MAQUE_INLINE I dot4(I sum, I u, I s) {
  return lanes<I>([&](int l) {
    uint8_t a[4];
    int8_t b[4];
    __builtin_memcpy(a, &u.v[l], 4);
    __builtin_memcpy(b, &s.v[l], 4);
    return wrap(word(sum.v[l]) + word(saturate16(a[0] * b[0] + a[1] * b[1])) +
                word(saturate16(a[2] * b[2] + a[3] * b[3])));
  });
}
MAQUE_INLINE I widen(const int8_t* p) {
  return lanes<I>([&](int l) { return p[l]; });
}
MAQUE_INLINE I max(I a, I b) {
  return lanes<I>([&](int l) { return a.v[l] > b.v[l] ? a.v[l] : b.v[l]; });
}
MAQUE_INLINE I operator*(I a, I b) {
  return lanes<I>([&](int l) { return wrap(word(a.v[l]) * word(b.v[l])); });
}
MAQUE_INLINE void store_low(I a, uint8_t* p, int64_t r) {
  for (int64_t l = 0; l < r; ++l) p[l] = static_cast<uint8_t>(a.v[l]);
}
MAQUE_INLINE void store_low(I a, uint8_t* p) { store_low(a, p, kLanes); }
MAQUE_INLINE void store_clamped(I a, uint8_t* p) {
  for (int64_t l = 0; l < kLanes; ++l) {
    const int32_t x = a.v[l];
    p[l] = static_cast<uint8_t>((x > INT8_MAX ? INT8_MAX : x < INT8_MIN ? INT8_MIN : x) + 128);
  }
}

#endif

#if !defined(MAQUE_ISA_AVX512) && !defined(MAQUE_ISA_AVX2)
MAQUE_INLINE void store_clamped(I a, I b, I c, I d, uint8_t* p) {
  store_clamped(a, p);
  store_clamped(b, p + kLanes);
  store_clamped(c, p + 2 * kLanes);
  store_clamped(d, p + 3 * kLanes);
}
#endif
#if !defined(MAQUE_ISA_NEON)
MAQUE_INLINE I dot4_7bit(I sum, I u, I s) { return dot4(sum, u, s); }
#endif
MAQUE_INLINE void store_clamped(I a, uint8_t* p, int64_t r) {
  uint8_t bytes[16];
  store_clamped(a, bytes);
  __builtin_memcpy(p, bytes, static_cast<size_t>(r));
}

}  // namespace maque::MAQUE_ISA
