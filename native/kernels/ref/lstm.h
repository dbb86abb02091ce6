#pragma once
#include "kernels/lstm.h"
#include "kernels/math.h"

namespace maque::ref {

template <class T>
void lstm_cell_forward(T* gates, int64_t ld_gates, const T* c_prev, T* c, int64_t ld_c, T* h, int64_t ld_h,
                       int64_t rows, int64_t hidden) {
  for (int64_t r = 0; r < rows; ++r) {
    T* i = gates + r * ld_gates;
    T* f = i + hidden;
    T* g = f + hidden;
    T* o = g + hidden;
    for (int64_t j = 0; j < hidden; ++j) {
      i[j] = math::sigmoid(i[j]);
      g[j] = math::tanh(g[j]);
      o[j] = math::sigmoid(o[j]);
      T cell = i[j] * g[j];
      if (c_prev != nullptr) {
        f[j] = math::sigmoid(f[j]);
        cell = math::fma(f[j], c_prev[r * ld_c + j], cell);
      } else {
        f[j] = 0;
      }
      c[r * ld_c + j] = cell;
      h[r * ld_h + j] = o[j] * math::tanh(cell);
    }
  }
}

template <class T>
void lstm_cell_backward(const T* gates, int64_t ld_gates, const T* c_prev, const T* c, int64_t ld_c,
                        const T* dh, int64_t ld_dh, T* dc, int64_t ld_dc, T* d_gates, int64_t ld_dgates,
                        int64_t rows, int64_t hidden) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < hidden; ++j) {
      const T* gate = gates + r * ld_gates + j;
      const T i = gate[0], f = gate[hidden], g = gate[2 * hidden], o = gate[3 * hidden];
      const T tanh_c = math::tanh(c[r * ld_c + j]);
      const T d_h = dh[r * ld_dh + j];
      const T d_c = math::fma(d_h * o, math::fma(-tanh_c, tanh_c, T(1)), dc[r * ld_dc + j]);
      T* d_gate = d_gates + r * ld_dgates + j;
      d_gate[0] = (d_c * g) * (i * (T(1) - i));
      d_gate[hidden] = c_prev != nullptr ? (d_c * c_prev[r * ld_c + j]) * (f * (T(1) - f)) : T(0);
      d_gate[2 * hidden] = (d_c * i) * math::fma(-g, g, T(1));
      d_gate[3 * hidden] = (d_h * tanh_c) * (o * (T(1) - o));
      dc[r * ld_dc + j] = d_c * f;
    }
  }
}

}  // namespace maque::ref
