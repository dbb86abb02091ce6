#pragma once
#include "kernels/layer_norm.h"
#include "kernels/ref/lanes.h"

namespace maque::ref {

template <class T>
void layer_norm_forward(const T* x, const T* gamma, const T* beta, T eps, int64_t rows, int64_t n, T* y,
                        T* mean, T* rstd) {
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) {
    Lanes<T> sum;
    for (int64_t j = 0; j < n; ++j) sum.add(j, x[j]);
    const T mu = sum.fold() / T(n);
    Lanes<T> squares;
    for (int64_t j = 0; j < n; ++j) squares.add_product(j, x[j] - mu, x[j] - mu);
    const T r = T(1) / math::sqrt(squares.fold() / T(n) + eps);
    for (int64_t j = 0; j < n; ++j) y[j] = math::fma((x[j] - mu) * r, gamma[j], beta[j]);
    if (mean != nullptr) mean[i] = mu;
    if (rstd != nullptr) rstd[i] = r;
  }
}

template <class T>
void layer_norm_backward(const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy, int64_t rows,
                         int64_t n, T* dx) {
  for (int64_t i = 0; i < rows; ++i, x += n, dy += n, dx += n) {
    const T mu = mean[i];
    const T r = rstd[i];
    Lanes<T> sum, sum_xhat;
    for (int64_t j = 0; j < n; ++j) {
      const T g = dy[j] * gamma[j];
      sum.add(j, g);
      sum_xhat.add_product(j, g, (x[j] - mu) * r);
    }
    const T mean_g = sum.fold() / T(n);
    const T mean_gx = sum_xhat.fold() / T(n);
    for (int64_t j = 0; j < n; ++j) {
      const T xhat = (x[j] - mu) * r;
      dx[j] = r * math::fma(-xhat, mean_gx, dy[j] * gamma[j] - mean_g);
    }
  }
}

template <class T>
void layer_norm_params_backward(const T* x, const T* mean, const T* rstd, const T* dy, int64_t rows,
                                int64_t n, int64_t begin, int64_t end, T* dgamma, T* dbeta) {
  for (int64_t i = 0; i < rows; ++i, x += n, dy += n) {
    for (int64_t j = begin; j < end; ++j) {
      dgamma[j] = math::fma(dy[j], (x[j] - mean[i]) * rstd[i], dgamma[j]);
      dbeta[j] += dy[j];
    }
  }
}

}  // namespace maque::ref
