// Element-wise activations and their derivatives (written in math.h and activation_gradient.h).
//   gelu_erf(x)  = x/2 (1 + erf(x / sqrt 2))                       (Hendrycks & Gimpel, arXiv 1606.08415)
//   gelu_tanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
// Error bound (fp32): 1e-6 * max(1, |x|) absolute, forward and derivative.
#pragma once
#include "core/types.h"

namespace maque {

/// y[i] = act(x[i]); y may be x.
template <class T>
using activation_forward_fn = void(Activation act, const T* x, int64_t n, T* y);

/// dx[i] = act'(x[i]) * dy[i]; x is the input of the forward pass; dx may be dy. Overwrites.
template <class T>
using activation_backward_fn = void(Activation act, const T* x, const T* dy, int64_t n, T* dx);

}  // namespace maque
