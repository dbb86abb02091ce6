// Activations and dropout: kernels/activation.h and kernels/dropout.h on a GPU, with the CPU's bits.
#pragma once
#include "kernels/activation.h"
#include "kernels/cuda/on_device.h"
#include "kernels/dropout.h"

namespace maque::cuda {

using activation_forward_fn = on_device<maque::activation_forward_fn<float>>;
using activation_backward_fn = on_device<maque::activation_backward_fn<float>>;
using dropout_fn = on_device<maque::dropout_fn<float>>;

/// y[i, j] = act(x[i, j] + bias[j]) for x [rows, n]: what follows a product whose library has no epilogue.
/// pre_activation (or null) receives the sum. y and pre_activation may be x.
using bias_activation_forward_fn = Code(Stream stream, Activation act, const float* x, const float* bias,
                                        int64_t rows, int64_t n, float* pre_activation, float* y);

}  // namespace maque::cuda
