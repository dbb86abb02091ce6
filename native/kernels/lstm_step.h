// One time step of an LSTM that serves: a row of pre-activations, the recurrent product onto it, and the
// cell, fused. Weights and table in fp32, or in bf16 that is widened to fp32 on the way (exactly, its bits
// are the upper half of a float's).
//
//   y = fma(h_{k-1}, w_{k-1}, ... fma(h_1, w_1, fma(h_0, w_0, x)))   one chain for each gate, k = hidden
//   i, f, g, o and the cell as in kernels/lstm.h; first step (zero state): y = x, c = i * g, no forget gate
//
// The same bits on every instruction set, in fp32 and in bf16. Error bounds as in lstm.h, with those of the
// sum: |y - exact| <= (k + 1) 2^-24 (|x| + sum_p |h_p w_p|).
#pragma once
#include "core/types.h"
#include "kernels/lstm_int8.h"  // block order

namespace maque {

/// Elements of packed recurrent weights of one direction: [lstm_whole(hidden) / 16][steps][4][16], fp32 with
/// hidden steps; bf16 with two elements (p, p + 1) for each of ceil(hidden / 2) steps.
constexpr int64_t lstm_packed_size(int64_t hidden) { return lstm_whole(hidden) * 4 * hidden; }
constexpr int64_t lstm_packed_size_bf16(int64_t hidden) {
  return lstm_whole(hidden) * 4 * ((hidden + 1) / 2 * 2);
}
/// Where gate n's weight p of a unit stands.
constexpr int64_t lstm_packed_at(int64_t hidden, int64_t unit, int64_t n, int64_t p) {
  return ((unit / 16 * hidden + p) * 4 + n) * 16 + unit % 16;
}
constexpr int64_t lstm_packed_at_bf16(int64_t hidden, int64_t unit, int64_t n, int64_t p) {
  return (((unit / 16 * ((hidden + 1) / 2) + p / 2) * 4 + n) * 16 + unit % 16) * 2 + p % 2;
}
/// Where gate n of a unit stands in a bf16 row of a table, whose gates lie in pairs.
constexpr int64_t lstm_pair_at(int64_t unit, int64_t n) {
  return ((unit / 16 * 2 + n / 2) * 16 + unit % 16) * 2 + n % 2;
}

/// Rows are texts; every row of cells, state and next has lstm_whole(hidden) elements, those past hidden 0.
template <class T>
struct LstmStep {
  int64_t rows, hidden;
  int64_t gates;  // 4, or 3 (i, g, o) on a first step without a bf16 table

  // x: of row i from row ids[i] of the table in block order or, bf16, in pairs; without a table row i of
  // input, in block order.
  const T* table;
  const uint16_t* table_bf16;
  int64_t ld_table;
  const int32_t* ids;
  const T* input;
  int64_t ld_input;

  const T* state;  // null: first step
  int64_t ld_state;
  const T* weights;  // one of the two; none is read on a first step
  const uint16_t* weights_bf16;
  bool backwards;  // blocks from last to first: what the step before has read last is read first

  T* cells;
  int64_t ld_cells;
  T* next;  // may not be state
  int64_t ld_next;
};

template <class T>
using lstm_step_fn = void(const LstmStep<T>& step);

}  // namespace maque
