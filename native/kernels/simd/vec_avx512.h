// The wrapper of vec.h on AVX-512 (F, BW, DQ, VL): one zmm register.
#pragma once
#include <immintrin.h>

namespace maque::MAQUE_ISA {

struct M {
  __mmask16 v;
  static MAQUE_INLINE M first_lanes(int64_t r) { return {static_cast<__mmask16>((1u << r) - 1u)}; }
};

struct I {
  __m512i v;
  static MAQUE_INLINE I load(const void* p) { return {_mm512_loadu_si512(p)}; }
  static MAQUE_INLINE I load(const void* p, int64_t r) {
    return {_mm512_maskz_loadu_epi32(M::first_lanes(r).v, p)};
  }
  static MAQUE_INLINE I set1(int32_t x) { return {_mm512_set1_epi32(x)}; }
  static MAQUE_INLINE I iota() {
    return {_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)};
  }
  MAQUE_INLINE void store(void* p) const { _mm512_storeu_si512(p, v); }
  MAQUE_INLINE void store(void* p, int64_t r) const { _mm512_mask_storeu_epi32(p, M::first_lanes(r).v, v); }
};

struct F {
  using Int = I;
  using Mask = M;
  __m512 v;
  static MAQUE_INLINE F load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static MAQUE_INLINE F load(const float* p, int64_t r) {
    return {_mm512_maskz_loadu_ps(M::first_lanes(r).v, p)};
  }
  static MAQUE_INLINE F set1(float x) { return {_mm512_set1_ps(x)}; }
  static MAQUE_INLINE F zero() { return {_mm512_setzero_ps()}; }
  MAQUE_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  MAQUE_INLINE void store(float* p, int64_t r) const { _mm512_mask_storeu_ps(p, M::first_lanes(r).v, v); }
};

MAQUE_INLINE F operator+(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
MAQUE_INLINE F operator-(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
MAQUE_INLINE F operator*(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
MAQUE_INLINE F operator/(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
MAQUE_INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
MAQUE_INLINE F fnma(F a, F b, F c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
// maxps and minps themselves: the intrinsics promise the instruction, not (a > b ? a : b), but are it.
MAQUE_INLINE F max(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
MAQUE_INLINE F min(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }
MAQUE_INLINE F sqrt(F a) { return {_mm512_sqrt_ps(a.v)}; }
MAQUE_INLINE F abs(F a) { return {_mm512_abs_ps(a.v)}; }
MAQUE_INLINE F negate(F a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }

MAQUE_INLINE M operator<(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
MAQUE_INLINE M operator<=(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
MAQUE_INLINE M operator>(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
MAQUE_INLINE M operator>=(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
MAQUE_INLINE M operator==(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
MAQUE_INLINE M operator&(M a, M b) { return {static_cast<__mmask16>(a.v & b.v)}; }
MAQUE_INLINE M operator|(M a, M b) { return {static_cast<__mmask16>(a.v | b.v)}; }
MAQUE_INLINE bool any(M m) { return m.v != 0; }
MAQUE_INLINE F select(M m, F a, F b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
MAQUE_INLINE I select(M m, I a, I b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }

MAQUE_INLINE I bits(F a) { return {_mm512_castps_si512(a.v)}; }
MAQUE_INLINE F floats(I a) { return {_mm512_castsi512_ps(a.v)}; }
MAQUE_INLINE F to_float(I a) { return {_mm512_cvtepi32_ps(a.v)}; }

MAQUE_INLINE I operator+(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
MAQUE_INLINE I operator-(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
MAQUE_INLINE I operator&(I a, I b) { return {_mm512_and_si512(a.v, b.v)}; }
MAQUE_INLINE I operator|(I a, I b) { return {_mm512_or_si512(a.v, b.v)}; }
MAQUE_INLINE I operator^(I a, I b) { return {_mm512_xor_si512(a.v, b.v)}; }
MAQUE_INLINE M operator==(I a, I b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
MAQUE_INLINE M below(I a, I b) { return {_mm512_cmplt_epu32_mask(a.v, b.v)}; }
template <int N>
MAQUE_INLINE I shift_left(I a) {
  return {_mm512_slli_epi32(a.v, N)};
}
template <int N>
MAQUE_INLINE I shift_right(I a) {
  return {_mm512_srli_epi32(a.v, N)};
}
template <int N>
MAQUE_INLINE I shift_right_signed(I a) {
  return {_mm512_srai_epi32(a.v, N)};
}
MAQUE_INLINE void mul_wide(I a, I b, I* high, I* low) {
  const __m512i even = _mm512_mul_epu32(a.v, b.v);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32));
  low->v = _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
  high->v = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
}

MAQUE_INLINE float sum(F a) {
  const __m256 y = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 x = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  const __m128 two = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
MAQUE_INLINE float reduce_max(F a) {
  const __m256 y = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 x = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  const __m128 two = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/// rows[i] lane j <-> rows[j] lane i.
MAQUE_INLINE void transpose(F (&rows)[16]) {
  __m512 t[16];
  // Within 128-bit blocks: 2 x 2, then 4 x 4.
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(rows[i].v, rows[i + 1].v);
    t[i + 1] = _mm512_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
    const __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
    rows[i].v = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    rows[i + 1].v = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    rows[i + 2].v = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    rows[i + 3].v = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  // Block q of rows[4 g + s] holds elements 4 g .. 4 g + 3 of column 4 q + s: a 4 x 4 transposition of
  // blocks.
#pragma GCC unroll 4
  for (int s = 0; s < 4; ++s) {
    const __m512 low01 = _mm512_shuffle_f32x4(rows[s].v, rows[4 + s].v, 0x88);
    const __m512 low23 = _mm512_shuffle_f32x4(rows[8 + s].v, rows[12 + s].v, 0x88);
    const __m512 high01 = _mm512_shuffle_f32x4(rows[s].v, rows[4 + s].v, 0xDD);
    const __m512 high23 = _mm512_shuffle_f32x4(rows[8 + s].v, rows[12 + s].v, 0xDD);
    t[s] = _mm512_shuffle_f32x4(low01, low23, 0x88);
    t[8 + s] = _mm512_shuffle_f32x4(low01, low23, 0xDD);
    t[4 + s] = _mm512_shuffle_f32x4(high01, high23, 0x88);
    t[12 + s] = _mm512_shuffle_f32x4(high01, high23, 0xDD);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) rows[i].v = t[i];
}

}  // namespace maque::MAQUE_ISA
