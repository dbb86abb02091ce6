// One fused step of an LSTM by products in bf16: plain loops. See kernels/lstm_bf16.h.
#pragma once
#include "kernels/bf16.h"
#include "kernels/lstm_bf16.h"
#include "kernels/ref/lstm_step.h"

namespace maque::ref {

inline float lstm_bf16_gate(const LstmBf16Step& s, int64_t row, int64_t unit, int64_t n) {
  float y = lstm_step_input(s, row, unit, n);
  if (s.half_state == nullptr) return y;
  const uint16_t* h = s.half_state + row * s.ld_state;
  for (int64_t p = 0; p < s.hidden; p += 2) {
    const uint16_t* w = s.weights_bf16 + lstm_packed_at_bf16(s.hidden, unit, n, p);
    y = bf16_dot_step(y, h[p], h[p + 1], w[0], w[1]);
  }
  return y;
}

inline void lstm_bf16_step(const LstmBf16Step& s) {
  const int64_t last = s.gates - 1;
  for (int64_t row = 0; row < s.rows; ++row) {
    for (int64_t unit = 0; unit < lstm_whole(s.hidden); ++unit) {
      const auto gate = [&](int64_t n) { return lstm_bf16_gate(s, row, unit, n); };
      float cell = math::sigmoid(gate(0)) * math::tanh(gate(last - 1));
      float* c = s.cells + row * s.ld_cells + unit;
      if (s.half_state != nullptr) cell = math::fma(math::sigmoid(gate(1)), *c, cell);
      *c = cell;
      const float h = math::sigmoid(gate(last)) * math::tanh(cell);
      s.next[row * s.ld_next + unit] = h;
      s.half_next[row * s.ld_next + unit] = to_bf16(h);
    }
  }
}

}  // namespace maque::ref
