// kernels/lstm_step.h on a GPU: the same packed weights, blocks of gates and bits. `backwards` is of no
// meaning here. For texts that come a step at a time; lstm.h has whole texts in one launch.
#pragma once
#include "kernels/cuda/launch.h"
#include "kernels/lstm_step.h"

namespace maque::cuda {

using lstm_step_fn = Code(Stream stream, const LstmStep<float>& step);

}  // namespace maque::cuda
