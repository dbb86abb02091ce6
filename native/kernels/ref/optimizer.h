#pragma once
#include "kernels/optimizer.h"
#include "kernels/ref/lanes.h"

namespace maque::ref {

template <class T>
void sgd_step(T* w, const T* grad, T* buf, int64_t n, T lr, T momentum, T weight_decay, T scale) {
  for (int64_t i = 0; i < n; ++i) {
    T g = math::fma(weight_decay, w[i], scale * grad[i]);
    if (buf != nullptr) g = buf[i] = math::fma(momentum, buf[i], g);
    w[i] = math::fma(-lr, g, w[i]);
  }
}

template <class T>
void adam_step(T* w, const T* grad, T* m, T* v, int64_t n, T lr, double beta1, double beta2, T eps,
               T weight_decay, T correction1, T sqrt_correction2, T scale) {
  const T decay = lr * weight_decay;
  const T rate = lr / correction1;
  const T gain1 = T(1 - beta1);
  const T gain2 = T(1 - beta2);
  for (int64_t i = 0; i < n; ++i) {
    const T g = scale * grad[i];
    m[i] = math::fma(gain1, g - m[i], m[i]);
    v[i] = math::fma(T(beta2), v[i], gain2 * (g * g));
    const T kept = math::fma(-decay, w[i], w[i]);
    w[i] = math::fma(-rate, m[i] / (math::sqrt(v[i]) / sqrt_correction2 + eps), kept);
  }
}

template <class T>
T sum_of_squares(const T* x, int64_t n) {
  Lanes<T> squares;
  for (int64_t i = 0; i < n; ++i) squares.add_product(i, x[i], x[i]);
  return squares.fold();
}

template <class T>
void column_sums(const T* x, int64_t ldx, int64_t rows, int64_t begin, int64_t end, T* sums) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = begin; j < end; ++j) sums[j] += x[i * ldx + j];
  }
}

template <class T>
void add(const T* x, int64_t n, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

}  // namespace maque::ref
