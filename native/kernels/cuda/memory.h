// Arrays of floats on the device that are filled or moved between the operations of a pass.
#pragma once
#include "kernels/cuda/launch.h"

namespace maque::cuda {

/// x[i] = 0.
using zero_fn = Code(Stream stream, float* x, int64_t n);

/// y[i] = x[i]; they may not overlap.
using copy_fn = Code(Stream stream, const float* x, int64_t n, float* y);

}  // namespace maque::cuda
