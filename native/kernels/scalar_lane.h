// One float lane with the interface of the 16-lane wrapper F (simd/vec.h), so that a formula written once as
// a template over the lane type gives the same bits in ref/ and in simd/.
#pragma once
#include "core/attributes.h"
#include "core/types.h"

namespace maque {

struct ScalarInt {
  int32_t v;
  static MAQUE_INLINE ScalarInt set1(int32_t x) { return {x}; }
};

struct ScalarMask {
  bool v;
};

struct Scalar {
  using Int = ScalarInt;
  using Mask = ScalarMask;
  float v;
  static MAQUE_INLINE Scalar set1(float x) { return {x}; }
  static MAQUE_INLINE Scalar zero() { return {0.0f}; }
};

MAQUE_INLINE Scalar operator+(Scalar a, Scalar b) { return {a.v + b.v}; }
MAQUE_INLINE Scalar operator-(Scalar a, Scalar b) { return {a.v - b.v}; }
MAQUE_INLINE Scalar operator*(Scalar a, Scalar b) { return {a.v * b.v}; }
MAQUE_INLINE Scalar operator/(Scalar a, Scalar b) { return {a.v / b.v}; }
MAQUE_INLINE Scalar fma(Scalar a, Scalar b, Scalar c) { return {__builtin_fmaf(a.v, b.v, c.v)}; }
MAQUE_INLINE Scalar fnma(Scalar a, Scalar b, Scalar c) { return {__builtin_fmaf(-a.v, b.v, c.v)}; }
MAQUE_INLINE Scalar max(Scalar a, Scalar b) { return {a.v > b.v ? a.v : b.v}; }
MAQUE_INLINE Scalar min(Scalar a, Scalar b) { return {a.v < b.v ? a.v : b.v}; }
MAQUE_INLINE Scalar sqrt(Scalar a) { return {__builtin_sqrtf(a.v)}; }
MAQUE_INLINE Scalar abs(Scalar a) { return {__builtin_fabsf(a.v)}; }
MAQUE_INLINE Scalar negate(Scalar a) { return {-a.v}; }

MAQUE_INLINE ScalarMask operator<(Scalar a, Scalar b) { return {a.v < b.v}; }
MAQUE_INLINE ScalarMask operator<=(Scalar a, Scalar b) { return {a.v <= b.v}; }
MAQUE_INLINE ScalarMask operator>(Scalar a, Scalar b) { return {a.v > b.v}; }
MAQUE_INLINE ScalarMask operator>=(Scalar a, Scalar b) { return {a.v >= b.v}; }
MAQUE_INLINE ScalarMask operator==(Scalar a, Scalar b) { return {a.v == b.v}; }
MAQUE_INLINE ScalarMask operator&(ScalarMask a, ScalarMask b) { return {a.v && b.v}; }
MAQUE_INLINE ScalarMask operator|(ScalarMask a, ScalarMask b) { return {a.v || b.v}; }
MAQUE_INLINE Scalar select(ScalarMask m, Scalar a, Scalar b) { return m.v ? a : b; }

MAQUE_INLINE ScalarInt bits(Scalar a) {
  ScalarInt r;
  __builtin_memcpy(&r.v, &a.v, 4);
  return r;
}
MAQUE_INLINE Scalar floats(ScalarInt a) {
  Scalar r;
  __builtin_memcpy(&r.v, &a.v, 4);
  return r;
}
MAQUE_INLINE Scalar to_float(ScalarInt a) { return {static_cast<float>(a.v)}; }

// Integer arithmetic wraps, as in the vector unit.
MAQUE_INLINE ScalarInt operator+(ScalarInt a, ScalarInt b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.v) + static_cast<uint32_t>(b.v))};
}
MAQUE_INLINE ScalarInt operator-(ScalarInt a, ScalarInt b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.v) - static_cast<uint32_t>(b.v))};
}
MAQUE_INLINE ScalarInt operator&(ScalarInt a, ScalarInt b) { return {a.v & b.v}; }
MAQUE_INLINE ScalarInt operator|(ScalarInt a, ScalarInt b) { return {a.v | b.v}; }
MAQUE_INLINE ScalarInt operator^(ScalarInt a, ScalarInt b) { return {a.v ^ b.v}; }
template <int N>
MAQUE_INLINE ScalarInt shift_left(ScalarInt a) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.v) << N)};
}
template <int N>
MAQUE_INLINE ScalarInt shift_right(ScalarInt a) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.v) >> N)};
}
template <int N>
MAQUE_INLINE ScalarInt shift_right_signed(ScalarInt a) {
  return {a.v >> N};
}

}  // namespace maque
