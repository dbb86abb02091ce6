// Derivatives of the activations, written once over a lane type as in math.h.
//   gelu_erf'(x)  = (1 + erf(x / sqrt 2)) / 2 + x exp(-x^2 / 2) / sqrt(2 pi)
//   gelu_tanh'(x) = (1 + t) / 2 + x/2 (1 - t^2) u',  t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3)
// relu'(0) = 0.
#pragma once
#include "kernels/math.h"

namespace maque::math {

/// For x = -t, t > 0, the derivative is erfc(t / sqrt 2) / 2 - t exp(-t^2 / 2) / sqrt(2 pi) = P(t) R(t)^16, R
/// and P minimax fits (R of the sixteenth root of the first term alone; what it misses is in P); for x = t it
/// is what is missing to 1. At 5.75, from where on it stays, it is 2e-7.
template <class V>
MAQUE_INLINE V gelu_erf_gradient(V x) {
  constexpr float kR[] = {
      1.0f, -0.0498892441f, -0.018569205f, -0.00144162367f, 0.000715482980f, -4.63714168e-05f};
  constexpr float kP[] = {0.50000006f,    -0.398773819f,   -0.319056153f,    -0.0531365089f,
                          0.00836649351f, 0.000438453659f, -0.000480130577f, 6.58360514e-05f};
  const V t = min(V::set1(5.75f), abs(x)), one = V::set1(1.0f);  // in this order NaN stays NaN
  const V root = polynomial(t, kR), square = root * root, fourth = square * square, eighth = fourth * fourth;
  const V below = polynomial(t, kP) * (eighth * eighth);
  return select(x < V::zero(), below, one - below);
}

/// act'(x) for one lane type of floats; the branch is on a value that all lanes share.
template <class V>
MAQUE_INLINE V activation_gradient(Activation act, V x) {
  const V half = V::set1(0.5f), one = V::set1(1.0f);
  switch (act) {
    case Activation::none:
      return one;
    case Activation::relu:
      return select(x > V::zero(), one, V::zero());
    case Activation::tanh: {
      const V t = tanh(x);
      return fnma(t, t, one);
    }
    case Activation::gelu_erf:
      return gelu_erf_gradient(x);
    case Activation::gelu_tanh: {
      const V square = x * x, scale = V::set1(0.797884560802865356f);
      const V t = tanh(scale * fma(V::set1(0.044715f) * x, square, x));
      const V slope = scale * fma(V::set1(0.134145f), square, one);
      return fma(half * x * fnma(t, t, one), slope, fma(half, t, half));
    }
  }
  return one;
}

MAQUE_INLINE float activation_gradient(Activation act, float x) {
  return activation_gradient(act, Scalar{x}).v;
}

MAQUE_INLINE double activation_gradient(Activation act, double x) {
  switch (act) {
    case Activation::none:
      return 1.0;
    case Activation::relu:
      return x > 0.0 ? 1.0 : 0.0;
    case Activation::tanh:
      return 1.0 - tanh(x) * tanh(x);
    case Activation::gelu_erf:
      return 0.5 * (1.0 + erf(x * 0.70710678118654752440)) + x * exp(-0.5 * x * x) * 0.39894228040143267794;
    case Activation::gelu_tanh: {
      const double t = tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x));
      const double slope = 0.79788456080286535588 * (1.0 + 0.134145 * x * x);
      return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope;
    }
  }
  return 1.0;
}

}  // namespace maque::math
