// kernels/pooling.h on a GPU, with the CPU's bits: a thread for each text and column, which walks the text.
#pragma once
#include "kernels/cuda/on_device.h"
#include "kernels/pooling.h"

namespace maque::cuda {

using max_pool_forward_fn = on_device<maque::max_pool_forward_fn<float>>;
using max_pool_backward_fn = on_device<maque::max_pool_backward_fn<float>>;
using mean_pool_forward_fn = on_device<maque::mean_pool_forward_fn<float>>;
using mean_pool_backward_fn = on_device<maque::mean_pool_backward_fn<float>>;
using sum_pool_forward_fn = on_device<maque::sum_pool_forward_fn<float>>;

}  // namespace maque::cuda
