// exp, tanh, sigmoid, log and the activations, written once over a lane type: Scalar (ref/) or F
// (simd/). The same sequence of +, -, *, /, fma in every lane, so the same bits everywhere. T = double goes
// to the C library instead: it is what the float functions are measured against.
//
// Error bounds (float; checked by tests/math_test.cc over all exponents and both signs):
//   exp      1 ULP (subnormal results: 1 ULP of the subnormal grid); overflows to infinity above 88.7228
//   log      1 ULP; log 0 = -infinity, of negative numbers NaN
//   sigmoid  2.5 ULP
//   tanh     2 ULP
// NaN gives NaN; infinities give the limits.
#pragma once
#include "core/attributes.h"
#include "core/types.h"
#include "kernels/scalar_lane.h"

namespace maque::math {

/// c[0] + x (c[1] + x (c[2] + ...)), by Horner's rule in fused steps.
template <class V, int N>
MAQUE_INLINE V polynomial(V x, const float (&c)[N]) {
  V r = V::set1(c[N - 1]);
#pragma GCC unroll 16
  for (int i = N - 2; i >= 0; --i) r = fma(r, x, V::set1(c[i]));
  return r;
}

/// 1.5 * 2^23: adding it rounds to the nearest integer, ties to even, and leaves that integer in the low
/// bits.
constexpr float kRound = 12582912.0f;

/// ln 2 in two parts; the first has 9 trailing zero bits, so that its product with an exponent is exact.
constexpr float kLn2High = 0.693145751953125f, kLn2Low = 1.42860682030941723212e-6f;
constexpr float kLog2e = 1.44269504088896340736f;

/// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2) / 2; e^r = 1 + r + r^2 P(r), P a minimax fit. 2^n
/// is applied in two factors, so that results below 2^-126 are rounded once, by the last product.
template <class V>
MAQUE_INLINE V exp(V x) {
  // Beyond these bounds the result is 0 or infinity already; NaN passes through the comparisons below.
  const V clamped = min(V::set1(89.0f), max(V::set1(-104.0f), x));
  const V shifted = fma(clamped, V::set1(kLog2e), V::set1(kRound));
  const V n = shifted - V::set1(kRound);
  const V r = fnma(n, V::set1(kLn2Low), fnma(n, V::set1(kLn2High), clamped));
  constexpr float kP[] = {0.5f, 0.166666657f, 0.0416662954f, 0.00833349675f, 0.00139446708f, 0.000197903311f};
  const V p = fma(r * r, polynomial(r, kP), r) + V::set1(1.0f);
  const auto exponent = bits(shifted) - bits(V::set1(kRound));
  const auto half = shift_right_signed<1>(exponent);
  const auto bias = V::Int::set1(127);
  const V scale1 = floats(shift_left<23>(half + bias));
  const V scale2 = floats(shift_left<23>(exponent - half + bias));
  return select(x == x, p * scale1 * scale2, x);
}

/// 1 / (1 + e^-x), from e^-|x| so that nothing overflows and small results keep their relative accuracy.
template <class V>
MAQUE_INLINE V sigmoid(V x) {
  const V e = exp(negate(abs(x)));
  const V one = V::set1(1.0f);
  return select(x < V::zero(), e, one) / (one + e);
}

/// x + x^3 P(x^2) for |x| < 0.625, else 1 - 2 / (e^2|x| + 1) with the sign of x.
template <class V>
MAQUE_INLINE V tanh(V x) {
  const V magnitude = abs(x), square = x * x;
  constexpr float kP[] = {-0.333333313f, 0.133332059f,    -0.0539467633f,
                          0.0217007082f, -0.00817740802f, 0.00214296975f};
  const V small = fma(magnitude * square, polynomial(square, kP), magnitude);
  const V e = exp(magnitude + magnitude);
  const V large = V::set1(1.0f) - V::set1(2.0f) / (e + V::set1(1.0f));
  const auto sign = bits(x) & V::Int::set1(INT32_MIN);
  return floats(bits(select(magnitude < V::set1(0.625f), small, large)) | sign);
}

/// ln x = e ln 2 + ln(1 + f), 1 + f in [sqrt(1/2), sqrt 2); ln(1 + f) = f - f^2/2 + f^3 P(f), P a minimax
/// fit.
template <class V>
MAQUE_INLINE V log(V x) {
  using Int = typename V::Int;
  const auto subnormal = x < V::set1(1.17549435e-38f);
  const V scaled = select(subnormal, x * V::set1(8388608.0f), x);
  // The mantissa is taken relative to sqrt(1/2), whose bits are 0x3F3504F3.
  const auto offset = bits(scaled) - Int::set1(0x3F3504F3);
  const V exponent = to_float(shift_right_signed<23>(offset)) - select(subnormal, V::set1(23.0f), V::zero());
  const V f = floats((offset & Int::set1(0x7FFFFF)) + Int::set1(0x3F3504F3)) - V::set1(1.0f);
  constexpr float kP[] = {0.333333135f,  -0.250000089f, 0.200021237f,  -0.166680053f, 0.14219451f,
                          -0.124053434f, 0.118887119f,  -0.116775028f, 0.0674768239f};
  const V square = f * f;
  V low = fma(f * square, polynomial(f, kP), exponent * V::set1(kLn2Low));
  low = fnma(V::set1(0.5f), square, low);
  V result = fma(exponent, V::set1(kLn2High), f + low);
  const V infinity = V::set1(__builtin_inff());
  result = select(x == infinity, infinity, result);
  result = select(x == V::zero(), negate(infinity), result);
  return select(x >= V::zero(), result, V::set1(__builtin_nanf("")));
}

template <class V>
MAQUE_INLINE V relu(V x) {
  return select(x < V::zero(), V::zero(), x);
}

/// x/2 (1 + erf(x / sqrt 2)) = max(0, x) - t Q(t)^8, t = |x|: Q is a minimax fit of (erfc(t / sqrt 2) /
/// 2)^(1/8) that weighs the error of the whole, so that a polynomial without branch or exp is enough. Q^8 is
/// 2e-8 at 5.75, from where on it stays.
template <class V>
MAQUE_INLINE V gelu_erf(V x) {
  constexpr float kQ[] = {0.917004466f,  -0.0914642289f,   -0.0318956077f,   -0.000743690354f,
                          0.0015885164f, -2.09857699e-05f, -3.99734854e-05f, 3.61694629e-06f};
  const V t = min(V::set1(5.75f), abs(x));  // in this order NaN stays NaN
  const V root = polynomial(t, kQ), square = root * root, fourth = square * square;
  return fnma(t * fourth, fourth, max(V::zero(), x));
}

/// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
template <class V>
MAQUE_INLINE V gelu_tanh(V x) {
  const V half = V::set1(0.5f) * x;
  const V inner = fma(V::set1(0.044715f) * x, x * x, x);
  return fma(half, tanh(V::set1(0.797884560802865356f) * inner), half);
}

/// act(x); the branch is on a value that all lanes share.
template <class V>
MAQUE_INLINE V activate(Activation act, V x) {
  switch (act) {
    case Activation::none:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::gelu_erf:
      return gelu_erf(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
  }
  return x;
}

// --- float: one lane of the above
// -----------------------------------------------------------------------------------

MAQUE_INLINE float exp(float x) { return exp(Scalar{x}).v; }
MAQUE_INLINE float sigmoid(float x) { return sigmoid(Scalar{x}).v; }
MAQUE_INLINE float tanh(float x) { return tanh(Scalar{x}).v; }
MAQUE_INLINE float log(float x) { return log(Scalar{x}).v; }
MAQUE_INLINE float activate(Activation act, float x) { return activate(act, Scalar{x}).v; }
MAQUE_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
MAQUE_INLINE float sqrt(float x) { return __builtin_sqrtf(x); }

// --- double: the C library
// --------------------------------------------------------------------------------------------

MAQUE_INLINE double exp(double x) { return __builtin_exp(x); }
MAQUE_INLINE double sigmoid(double x) { return 1.0 / (1.0 + __builtin_exp(-x)); }
MAQUE_INLINE double tanh(double x) { return __builtin_tanh(x); }
MAQUE_INLINE double erf(double x) { return __builtin_erf(x); }
MAQUE_INLINE double log(double x) { return __builtin_log(x); }
MAQUE_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
MAQUE_INLINE double sqrt(double x) { return __builtin_sqrt(x); }
MAQUE_INLINE double activate(Activation act, double x) {
  switch (act) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x < 0.0 ? 0.0 : x;
    case Activation::tanh:
      return __builtin_tanh(x);
    case Activation::gelu_erf:
      return 0.5 * x * (1.0 + __builtin_erf(x * 0.70710678118654752440));
    case Activation::gelu_tanh:
      return 0.5 * x * (1.0 + __builtin_tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
  }
  return x;
}

}  // namespace maque::math
