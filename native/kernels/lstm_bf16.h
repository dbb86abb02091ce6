// lstm_step.h's time step with bf16 weights, where the processor multiplies in bf16: the state is rounded to
// bf16 for the recurrent product, whose pairs are summed by the dot product of gemm_bf16.h onto x. All else
// is lstm_step.h's, in fp32, and so is the state that the step writes; beside it stands the rounded one.
//
// Within one flavour the bits do not depend on the rows beside; between flavours, and against lstm_step, they
// are equal within a bound:
//
//   |y - exact| <= (k + 3) * 2^-24 * (|x| + sum_p |h'_p w_p|) + k * 2^-126,   k = hidden, h' rounded to bf16,
//
// |h' - h| <= 2^-9 |h|. Twice as many products a second as widened to fp32, and half of the registers' work:
// a single row is bound by reading the weights.
#pragma once
#include "kernels/lstm_step.h"

namespace maque {

/// weights_bf16 is read, weights and state are not. Rows of half_state and half_next have the strides of
/// state and next, which are even; half_state is null on a first step.
struct LstmBf16Step : LstmStep<float> {
  const uint16_t* half_state;
  uint16_t* half_next;  // may not be half_state
};

using lstm_bf16_step_fn = void(const LstmBf16Step& step);

}  // namespace maque
