// lstm.h's recurrence with bf16 factors on tensor cores (sm_80 and later: kInvalidDeviceFunction below):
// recurrent weights are rounded to bf16 once a launch and stay in registers as fragments; states (backward,
// gradients of gates) are rounded for the product that reads them. Sums, cells and all that is written to
// LstmBatch's arrays are fp32.
//
// One pre-activation x + sum_p h_p w_p, k = hidden, and one gradient of a state (k = 4 * hidden), are off by
//   |y - exact| <= (4 k + 4) 2^-24 (|x| + sum_p |h'_p w'_p|)   from the sum of the rounded factors h', w',
// |h' - h| <= 2^-9 |h|; how tensor cores round in between is the hardware's (see gemm.h). The same bits at
// every run. The emulation sums a product of its own order of p, and the four gates' parts of a gradient one
// after the other.
#pragma once
#include "kernels/cuda/lstm.h"

namespace maque::cuda {

/// Elements of scratch of both passes, which begins at a multiple of 16 bytes (else kInvalidValue): the
/// rounded states (gradients of gates) of one step and of the step before.
constexpr int64_t lstm_bf16_scratch(int64_t texts, int64_t hidden) {
  return 2 * 2 * 4 * texts * ((hidden + 7) / 8 * 8);
}

using lstm_bf16_forward_fn = Code(Stream stream, const LstmBatch& batch, uint16_t* scratch,
                                  uint32_t* arrivals);
using lstm_bf16_backward_fn = Code(Stream stream, const LstmBatch& batch, const float* d_output,
                                   float* d_cells, uint16_t* scratch, uint32_t* arrivals);

}  // namespace maque::cuda
