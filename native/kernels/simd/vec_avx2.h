// The wrapper of vec.h on AVX2 and FMA: two ymm registers, lanes 0-7 in lo and 8-15 in hi.
#pragma once
#include <immintrin.h>

namespace maque::MAQUE_ISA {

struct M {
  __m256 lo, hi;
  static MAQUE_INLINE M first_lanes(int64_t r) {
    const __m256i count = _mm256_set1_epi32(static_cast<int32_t>(r));
    const __m256i low = _mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const __m256i high = _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15));
    return {_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)};
  }
};

struct I {
  __m256i lo, hi;
  static MAQUE_INLINE I load(const void* p) {
    const __m256i* q = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
  }
  static MAQUE_INLINE I load(const void* p, int64_t r) {
    const M m = M::first_lanes(r);
    const int* q = static_cast<const int*>(p);
    return {_mm256_maskload_epi32(q, _mm256_castps_si256(m.lo)),
            _mm256_maskload_epi32(q + 8, _mm256_castps_si256(m.hi))};
  }
  static MAQUE_INLINE I set1(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static MAQUE_INLINE I iota() {
    return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15)};
  }
  MAQUE_INLINE void store(void* p) const {
    __m256i* q = static_cast<__m256i*>(p);
    _mm256_storeu_si256(q, lo);
    _mm256_storeu_si256(q + 1, hi);
  }
  MAQUE_INLINE void store(void* p, int64_t r) const {
    const M m = M::first_lanes(r);
    int* q = static_cast<int*>(p);
    _mm256_maskstore_epi32(q, _mm256_castps_si256(m.lo), lo);
    _mm256_maskstore_epi32(q + 8, _mm256_castps_si256(m.hi), hi);
  }
};

struct F {
  using Int = I;
  using Mask = M;
  __m256 lo, hi;
  static MAQUE_INLINE F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static MAQUE_INLINE F load(const float* p, int64_t r) {
    const M m = M::first_lanes(r);
    return {_mm256_maskload_ps(p, _mm256_castps_si256(m.lo)),
            _mm256_maskload_ps(p + 8, _mm256_castps_si256(m.hi))};
  }
  static MAQUE_INLINE F set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static MAQUE_INLINE F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  MAQUE_INLINE void store(float* p) const {
    _mm256_storeu_ps(p, lo);
    _mm256_storeu_ps(p + 8, hi);
  }
  MAQUE_INLINE void store(float* p, int64_t r) const {
    const M m = M::first_lanes(r);
    _mm256_maskstore_ps(p, _mm256_castps_si256(m.lo), lo);
    _mm256_maskstore_ps(p + 8, _mm256_castps_si256(m.hi), hi);
  }
};

MAQUE_INLINE F operator+(F a, F b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
MAQUE_INLINE F operator-(F a, F b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
MAQUE_INLINE F operator*(F a, F b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
MAQUE_INLINE F operator/(F a, F b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
MAQUE_INLINE F fma(F a, F b, F c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
MAQUE_INLINE F fnma(F a, F b, F c) {
  return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
MAQUE_INLINE F max(F a, F b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
MAQUE_INLINE F min(F a, F b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
MAQUE_INLINE F sqrt(F a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
MAQUE_INLINE F abs(F a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
MAQUE_INLINE F negate(F a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(sign, a.lo), _mm256_xor_ps(sign, a.hi)};
}

template <int Predicate>
MAQUE_INLINE M compare(F a, F b) {
  return {_mm256_cmp_ps(a.lo, b.lo, Predicate), _mm256_cmp_ps(a.hi, b.hi, Predicate)};
}
MAQUE_INLINE M operator<(F a, F b) { return compare<_CMP_LT_OQ>(a, b); }
MAQUE_INLINE M operator<=(F a, F b) { return compare<_CMP_LE_OQ>(a, b); }
MAQUE_INLINE M operator>(F a, F b) { return compare<_CMP_GT_OQ>(a, b); }
MAQUE_INLINE M operator>=(F a, F b) { return compare<_CMP_GE_OQ>(a, b); }
MAQUE_INLINE M operator==(F a, F b) { return compare<_CMP_EQ_OQ>(a, b); }
MAQUE_INLINE M operator&(M a, M b) { return {_mm256_and_ps(a.lo, b.lo), _mm256_and_ps(a.hi, b.hi)}; }
MAQUE_INLINE M operator|(M a, M b) { return {_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)}; }
MAQUE_INLINE bool any(M m) { return _mm256_movemask_ps(_mm256_or_ps(m.lo, m.hi)) != 0; }
MAQUE_INLINE F select(M m, F a, F b) {
  return {_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}

MAQUE_INLINE I bits(F a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }
MAQUE_INLINE F floats(I a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
MAQUE_INLINE F to_float(I a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
MAQUE_INLINE I select(M m, I a, I b) { return bits(select(m, floats(a), floats(b))); }

MAQUE_INLINE I operator+(I a, I b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
MAQUE_INLINE I operator-(I a, I b) { return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)}; }
MAQUE_INLINE I operator&(I a, I b) { return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)}; }
MAQUE_INLINE I operator|(I a, I b) { return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)}; }
MAQUE_INLINE I operator^(I a, I b) { return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)}; }
MAQUE_INLINE M operator==(I a, I b) {
  return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.lo, b.lo)),
          _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.hi, b.hi))};
}
MAQUE_INLINE M below(I a, I b) {
  // AVX2 compares signed numbers only: move both by 2^31.
  const I bias = I::set1(INT32_MIN), x = a ^ bias, y = b ^ bias;
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(y.lo, x.lo)),
          _mm256_castsi256_ps(_mm256_cmpgt_epi32(y.hi, x.hi))};
}
template <int N>
MAQUE_INLINE I shift_left(I a) {
  return {_mm256_slli_epi32(a.lo, N), _mm256_slli_epi32(a.hi, N)};
}
template <int N>
MAQUE_INLINE I shift_right(I a) {
  return {_mm256_srli_epi32(a.lo, N), _mm256_srli_epi32(a.hi, N)};
}
template <int N>
MAQUE_INLINE I shift_right_signed(I a) {
  return {_mm256_srai_epi32(a.lo, N), _mm256_srai_epi32(a.hi, N)};
}
MAQUE_INLINE void mul_wide_half(__m256i a, __m256i b, __m256i* high, __m256i* low) {
  const __m256i even = _mm256_mul_epu32(a, b);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  *low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
  *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
}
MAQUE_INLINE void mul_wide(I a, I b, I* high, I* low) {
  mul_wide_half(a.lo, b.lo, &high->lo, &low->lo);
  mul_wide_half(a.hi, b.hi, &high->hi, &low->hi);
}

MAQUE_INLINE float sum(F a) {
  const __m256 y = _mm256_add_ps(a.lo, a.hi);
  const __m128 x = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  const __m128 two = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
MAQUE_INLINE float reduce_max(F a) {
  const __m256 y = _mm256_max_ps(a.lo, a.hi);
  const __m128 x = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  const __m128 two = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

MAQUE_INLINE void transpose_quarter(__m256 (&r)[8]) {
  __m256 t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
  }
#pragma GCC unroll 4
  for (int s = 0; s < 4; ++s) {
    const __m256 low = _mm256_permute2f128_ps(r[s], r[4 + s], 0x20);
    r[4 + s] = _mm256_permute2f128_ps(r[s], r[4 + s], 0x31);
    r[s] = low;
  }
}

/// rows[i] lane j <-> rows[j] lane i: the four 8 x 8 quarters, the off-diagonal ones exchanged.
MAQUE_INLINE void transpose(F (&rows)[16]) {
  for (int half = 0; half < 2; ++half) {
    __m256 diagonal[8];
    for (int i = 0; i < 8; ++i) diagonal[i] = half == 0 ? rows[i].lo : rows[8 + i].hi;
    transpose_quarter(diagonal);
    for (int i = 0; i < 8; ++i) (half == 0 ? rows[i].lo : rows[8 + i].hi) = diagonal[i];
  }
  __m256 upper[8], lower[8];
  for (int i = 0; i < 8; ++i) upper[i] = rows[i].hi;
  for (int i = 0; i < 8; ++i) lower[i] = rows[8 + i].lo;
  transpose_quarter(upper);
  transpose_quarter(lower);
  for (int i = 0; i < 8; ++i) rows[i].hi = lower[i];
  for (int i = 0; i < 8; ++i) rows[8 + i].lo = upper[i];
}

}  // namespace maque::MAQUE_ISA
