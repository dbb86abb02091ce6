// One fused step of an LSTM: plain loops. See kernels/lstm_step.h.
#pragma once
#include "kernels/lstm_step.h"
#include "kernels/math.h"

namespace maque::ref {

inline float widen_bf16(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float y;
  __builtin_memcpy(&y, &bits, sizeof y);
  return y;
}

/// The pre-activation x.
template <class T>
T lstm_step_input(const LstmStep<T>& s, int64_t row, int64_t unit, int64_t n) {
  const int64_t place = (unit / kLstmBlock * s.gates + n) * kLstmBlock + unit % kLstmBlock;
  if (s.table != nullptr) return s.table[s.ids[row] * s.ld_table + place];
  if (s.table_bf16 == nullptr) return s.input[row * s.ld_input + place];
  return T(widen_bf16(s.table_bf16[s.ids[row] * s.ld_table + lstm_pair_at(unit, n)]));
}

template <class T>
T lstm_step_gate(const LstmStep<T>& s, int64_t row, int64_t unit, int64_t n) {
  T y = lstm_step_input(s, row, unit, n);
  if (s.state == nullptr) return y;
  for (int64_t p = 0; p < s.hidden; ++p) {
    const T w = s.weights != nullptr
                    ? s.weights[lstm_packed_at(s.hidden, unit, n, p)]
                    : T(widen_bf16(s.weights_bf16[lstm_packed_at_bf16(s.hidden, unit, n, p)]));
    y = math::fma(s.state[row * s.ld_state + p], w, y);
  }
  return y;
}

template <class T>
void lstm_step(const LstmStep<T>& s) {
  for (int64_t row = 0; row < s.rows; ++row) {
    for (int64_t unit = 0; unit < lstm_whole(s.hidden); ++unit) {
      const int64_t last = s.gates - 1;
      T cell =
          math::sigmoid(lstm_step_gate(s, row, unit, 0)) * math::tanh(lstm_step_gate(s, row, unit, last - 1));
      T* c = s.cells + row * s.ld_cells + unit;
      if (s.state != nullptr) cell = math::fma(math::sigmoid(lstm_step_gate(s, row, unit, 1)), *c, cell);
      *c = cell;
      s.next[row * s.ld_next + unit] = math::sigmoid(lstm_step_gate(s, row, unit, last)) * math::tanh(cell);
    }
  }
}

}  // namespace maque::ref
