// Derivatives of the activations, written once over a lane type as in math.h.
//   gelu_erf'(x)  = (1 + erf(x / sqrt 2)) / 2 + x exp(-x^2 / 2) / sqrt(2 pi)
//   gelu_tanh'(x) = (1 + t) / 2 + x/2 (1 - t^2) u',  t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3)
// relu'(0) = 0.
#pragma once
#include "kernels/math.h"

namespace maque::math {

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
    case Activation::gelu_erf: {
      const V density = exp(x * x * V::set1(-0.5f)) * V::set1(0.398942280401432678f);
      return fma(x, density, fma(half, erf(x * V::set1(0.707106781186547524f)), half));
    }
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
