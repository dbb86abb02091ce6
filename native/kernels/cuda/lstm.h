// The recurrence of a bidirectional LSTM on a GPU: both directions and all time steps in one launch.
//
// The grid is resident as a whole. A block has some units of one direction and keeps their recurrent weights
// in registers from the first step to the last, and the states of a tile of texts in shared memory; between
// steps the blocks of a direction wait for each other, since each reads the states that all of them make.
// Layout, formulas and order of sums are those of the CPU's training (model/bilstm.h, kernels/lstm.h): the
// CPU's bits. lstm_bf16.h is the same on tensor cores.
//
// The weights of 300 hidden units are 2.9 MB, of 512 8.4 MB: an H100 has 33 MB of registers, an A100 27, a T4
// (sm_75) 10, of which it holds 300 but not 512. Above kLargestLstm, and where the device does not hold all
// blocks at once, the answer is kCooperativeLaunchTooLarge; gemm and lstm_cell_forward, step by step, then do
// the same.
#pragma once
#include "kernels/cuda/on_device.h"
#include "kernels/lstm.h"

namespace maque::cuda {

/// Most hidden units of a direction that one launch takes.
constexpr int64_t kLargestLstm = 512;

using lstm_cell_forward_fn = on_device<maque::lstm_cell_forward_fn<float>>;
using lstm_cell_backward_fn = on_device<maque::lstm_cell_backward_fn<float>>;

/// Texts sorted by length, longest first, laid out time-major: row start[t] + j is token t of text j, and
/// texts 0 .. active[t] - 1 still run at t. Direction 0 walks t upwards, 1 downwards; gates, cells and output
/// of direction d stand d
/// * gate_columns, d * hidden columns to the right. Arrays lie on the device.
struct LstmBatch {
  int64_t texts, longest, hidden;
  const int64_t* start;       // [longest]
  const int32_t* active;      // [longest], decreasing
  const float* recurrent[2];  // weight_hh [4 * hidden, hidden], gates i, f, g, o
  float* gates;               // [tokens, 4 * hidden] each direction, row stride ld_gates
  int64_t ld_gates, gate_columns;
  float *cells, *output;  // [tokens, 2 * hidden]
};

/// gates hold x W^T + biases and receive the activated gates (0 for the forget gate of a text's first step);
/// cells and output receive the states. arrivals: 2 counters of scratch.
using lstm_forward_fn = Code(Stream stream, const LstmBatch& batch, uint32_t* arrivals);

/// From d_output [tokens, 2 * hidden], the gradient of output: gates, as the forward pass left them, receive
/// the gradients of the pre-activations. output is not read. d_cells: [texts, 2 * hidden] of scratch.
using lstm_backward_fn = Code(Stream stream, const LstmBatch& batch, const float* d_output, float* d_cells,
                              uint32_t* arrivals);

}  // namespace maque::cuda
