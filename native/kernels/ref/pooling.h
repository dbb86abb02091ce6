#pragma once
#include "kernels/pooling.h"

namespace maque::ref {

template <class T>
void max_pool_forward(const T* x, int64_t ldx, const int32_t* offsets, const int32_t* rows, int64_t batch,
                      int64_t n, T* out, int32_t* argmax) {
  for (int64_t b = 0; b < batch; ++b, out += n) {
    for (int64_t j = 0; j < n; ++j) {
      T max = 0;
      int32_t at = -1;
      for (int32_t s = offsets[b]; s < offsets[b + 1]; ++s) {
        const int32_t row = rows != nullptr ? rows[s] : s;
        const T value = x[row * ldx + j];
        if (at >= 0 && !(value > max)) continue;
        max = value;
        at = row;
      }
      out[j] = max;
      if (argmax != nullptr) argmax[b * n + j] = at;
    }
  }
}

template <class T>
void max_pool_backward(const T* d_out, const int32_t* argmax, int64_t batch, int64_t n, T* dx, int64_t ldx) {
  for (int64_t i = 0; i < batch * n; ++i) {
    if (argmax[i] >= 0) dx[argmax[i] * ldx + i % n] += d_out[i];
  }
}

template <class T>
void mean_pool_forward(const T* x, int64_t ldx, const int32_t* offsets, const int32_t* rows, int64_t batch,
                       int64_t n, T* out) {
  for (int64_t b = 0; b < batch; ++b, out += n) {
    const int32_t length = offsets[b + 1] - offsets[b];
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int32_t s = offsets[b]; s < offsets[b + 1]; ++s) {
        sum += x[(rows != nullptr ? rows[s] : s) * ldx + j];
      }
      out[j] = length > 0 ? sum / T(length) : T(0);
    }
  }
}

template <class T>
void sum_pool_forward(const T* x, int64_t ldx, const int32_t* offsets, const int32_t* rows, int64_t batch,
                      int64_t n, T* out) {
  for (int64_t b = 0; b < batch; ++b, out += n) {
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int32_t s = offsets[b]; s < offsets[b + 1]; ++s) {
        sum += x[(rows != nullptr ? rows[s] : s) * ldx + j];
      }
      out[j] = sum;
    }
  }
}

template <class T>
void mean_pool_backward(const T* d_out, const int32_t* offsets, const int32_t* rows, int64_t batch, int64_t n,
                        T* dx, int64_t ldx) {
  for (int64_t b = 0; b < batch; ++b, d_out += n) {
    const T length = T(offsets[b + 1] - offsets[b]);
    for (int32_t s = offsets[b]; s < offsets[b + 1]; ++s) {
      T* row = dx + (rows != nullptr ? rows[s] : s) * ldx;
      for (int64_t j = 0; j < n; ++j) row[j] += d_out[j] / length;
    }
  }
}

}  // namespace maque::ref
