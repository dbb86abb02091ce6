#pragma once
#include "kernels/activation.h"
#include "kernels/activation_gradient.h"

namespace maque::ref {

template <class T>
void activation_forward(Activation act, const T* x, int64_t n, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::activate(act, x[i]);
}

template <class T>
void activation_backward(Activation act, const T* x, const T* dy, int64_t n, T* dx) {
  for (int64_t i = 0; i < n; ++i) dx[i] = math::activation_gradient(act, x[i]) * dy[i];
}

}  // namespace maque::ref
