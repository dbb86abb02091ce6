#include "kernels/lstm.h"

#include "kernels/math.h"
#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

void lstm_cell_forward(float* gates, int64_t ld_gates, const float* c_prev, float* c, int64_t ld_c, float* h,
                       int64_t ld_h, int64_t rows, int64_t hidden) {
  for (int64_t row = 0; row < rows; ++row) {
    float* gate = gates + row * ld_gates;
    const float* old = c_prev != nullptr ? c_prev + row * ld_c : nullptr;
    for_lanes(hidden, [&](int64_t j, int64_t r) MAQUE_BODY {
      const F i = math::sigmoid(load(gate + j, r));
      const F g = math::tanh(load(gate + 2 * hidden + j, r));
      const F o = math::sigmoid(load(gate + 3 * hidden + j, r));
      F f = F::zero(), cell = i * g;
      if (old != nullptr) {
        f = math::sigmoid(load(gate + hidden + j, r));
        cell = fma(f, load(old + j, r), cell);
      }
      store(i, gate + j, r);
      store(f, gate + hidden + j, r);
      store(g, gate + 2 * hidden + j, r);
      store(o, gate + 3 * hidden + j, r);
      store(cell, c + row * ld_c + j, r);
      store(o * math::tanh(cell), h + row * ld_h + j, r);
    });
  }
}

void lstm_cell_backward(const float* gates, int64_t ld_gates, const float* c_prev, const float* c,
                        int64_t ld_c, const float* dh, int64_t ld_dh, float* dc, int64_t ld_dc,
                        float* d_gates, int64_t ld_dgates, int64_t rows, int64_t hidden) {
  const F one = F::set1(1.0f);
  for (int64_t row = 0; row < rows; ++row) {
    const float* gate = gates + row * ld_gates;
    float* d_gate = d_gates + row * ld_dgates;
    float* d_cell = dc + row * ld_dc;
    for_lanes(hidden, [&](int64_t j, int64_t r) MAQUE_BODY {
      const F i = load(gate + j, r), f = load(gate + hidden + j, r);
      const F g = load(gate + 2 * hidden + j, r), o = load(gate + 3 * hidden + j, r);
      const F tanh_c = math::tanh(load(c + row * ld_c + j, r));
      const F d_h = load(dh + row * ld_dh + j, r);
      const F d_c = fma(d_h * o, fnma(tanh_c, tanh_c, one), load(d_cell + j, r));
      F d_f = F::zero();
      if (c_prev != nullptr) d_f = (d_c * load(c_prev + row * ld_c + j, r)) * (f * (one - f));
      store((d_c * g) * (i * (one - i)), d_gate + j, r);
      store(d_f, d_gate + hidden + j, r);
      store((d_c * i) * fnma(g, g, one), d_gate + 2 * hidden + j, r);
      store((d_h * tanh_c) * (o * (one - o)), d_gate + 3 * hidden + j, r);
      store(d_c * f, d_cell + j, r);
    });
  }
}

}  // namespace maque::MAQUE_ISA
