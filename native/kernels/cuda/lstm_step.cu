// A thread makes one unit of one text: 16 neighbouring threads have a block of 16 units, whose weights of one
// state lie side by side.
#include "kernels/bf16.h"
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/lstm_cell.h"
#include "kernels/cuda/lstm_step.h"

namespace maque::cuda {
namespace {

constexpr int32_t kUnits = kLstmBlock, kRows = 8, kThreads = kUnits * kRows;

/// The pre-activations of a unit before its recurrent product.
MAQUE_DEVICE void read_input(const LstmStep<float>& s, int64_t row, int32_t block, int32_t u,
                             float (&gate)[4]) {
  if (s.table == nullptr && s.table_bf16 != nullptr) {
    const uint16_t* pairs = s.table_bf16 + s.ids[row] * s.ld_table;
    for (int32_t n = 0; n < 4; ++n) gate[n] = from_bf16(pairs[lstm_pair_at(kUnits * block + u, n)]);
    return;
  }
  const float* from = s.table != nullptr ? s.table + s.ids[row] * s.ld_table : s.input + row * s.ld_input;
  from += block * s.gates * kUnits + u;
  gate[0] = from[0];
  gate[1] = s.gates == 4 ? from[kUnits] : 0.0f;  // a first step may leave the forget gate out
  gate[2] = from[(s.gates - 2) * kUnits];
  gate[3] = from[(s.gates - 1) * kUnits];
}

MAQUE_KERNEL(kThreads) step_cells(LstmStep<float> s) {
  const int32_t block = block_y(), u = thread_x() % kUnits, unit = kUnits * block + u;
  const int64_t row = int64_t{block_x()} * kRows + thread_x() / kUnits;
  if (row >= s.rows) return;
  float gate[4];
  read_input(s, row, block, u, gate);
  const bool has_state = s.state != nullptr;
  if (has_state) {
    const float* state = s.state + row * s.ld_state;
    for (int32_t p = 0; p < s.hidden; ++p) {
      MAQUE_UNROLL
      for (int32_t n = 0; n < 4; ++n) {
        const float weight = s.weights != nullptr
                                 ? s.weights[lstm_packed_at(s.hidden, unit, n, p)]
                                 : from_bf16(s.weights_bf16[lstm_packed_at_bf16(s.hidden, unit, n, p)]);
        gate[n] = math::fma(state[p], weight, gate[n]);
      }
    }
  }
  float* cell = s.cells + row * s.ld_cells + unit;
  *cell = step_cell(gate, has_state, has_state ? *cell : 0.0f);
  s.next[row * s.ld_next + unit] = gate[3] * math::tanh(*cell);
}

}  // namespace

Code lstm_step(Stream stream, const LstmStep<float>& s) {
  if (s.rows == 0 || s.hidden == 0) return kSuccess;
  const Launch shape = {
      "lstm_step", {blocks_for(s.rows, kRows), blocks_for(s.hidden, kUnits), 1}, kThreads, 0, stream};
  return launch(shape, step_cells, s);
}

}  // namespace maque::cuda
