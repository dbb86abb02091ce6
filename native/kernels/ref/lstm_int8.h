// One step of an int8 LSTM: plain loops. See kernels/lstm_int8.h.
#pragma once
#include "kernels/lstm_int8.h"
#include "kernels/scalar_lane.h"

namespace maque::ref {

/// The pre-activation x of a row at a place in block order.
inline float lstm_int8_input(const LstmInt8Step& s, int64_t row, int64_t place) {
  if (s.table == nullptr) return s.input[row * s.ld_input + place];
  const int64_t id = s.ids[row];
  return static_cast<float>(s.table[id * s.ld_table + place]) * s.table_scale[id * s.scale_stride];
}

/// The same with the recurrent product.
inline float lstm_int8_gate(const LstmInt8Step& s, int64_t row, int64_t place) {
  const float x = lstm_int8_input(s, row, place);
  if (s.state == nullptr) return x;
  const int64_t steps = (s.hidden + 3) / 4;
  int32_t sum = -s.offsets[place];
  for (int64_t p = 0; p < s.hidden; ++p) {
    sum += s.state[row * s.ld_state + p] *
           s.weights[((place / 32 * steps + p / 4) * 32 + place % 32) * 4 + p % 4];
  }
  return static_cast<float>(sum) * s.scale[place] + x;
}

inline void lstm_int8_unit(const LstmInt8Step& s, int64_t row, int64_t unit) {
  const int64_t block = unit / kLstmBlock * s.gates * kLstmBlock + unit % kLstmBlock;
  const int64_t last = block + (s.gates - 1) * kLstmBlock;
  const Scalar i{lstm_int8_gate(s, row, block)}, g{lstm_int8_gate(s, row, last - kLstmBlock)};
  Scalar c = int8::gated_input(i, g);
  if (s.state != nullptr) {
    const Scalar f{lstm_int8_gate(s, row, block + kLstmBlock)};
    c = int8::next_cell(f, Scalar{s.cells[row * s.ld_cells + unit]}, c);
  }
  const float h = int8::output(Scalar{lstm_int8_gate(s, row, last)}, c).v;
  s.cells[row * s.ld_cells + unit] = c.v;
  if (s.output != nullptr) s.output[row * s.ld_output + unit] = h;
  s.next[row * s.ld_next + unit] = static_cast<uint8_t>(64 + __builtin_rintf(h * kLstmStateSteps));
}

inline void lstm_int8_step(const LstmInt8Step& s) {
  for (int64_t row = 0; row < s.rows; ++row) {
    for (int64_t unit = 0; unit < lstm_whole(s.hidden); ++unit) lstm_int8_unit(s, row, unit);
  }
}

}  // namespace maque::ref
