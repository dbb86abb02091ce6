// kernels/pooling.h on a GPU, with the CPU's bits: a thread for each text and column, which walks the text.
// mean_pool_backward is for rows that differ; where texts share rows (those of a table), divide_by_lengths
// and sum_pool_forward over the batch turned round (model/bag.h) take its place.
#pragma once
#include "kernels/cuda/on_device.h"
#include "kernels/pooling.h"

namespace maque::cuda {

using max_pool_forward_fn = on_device<maque::max_pool_forward_fn<float>>;
using max_pool_backward_fn = on_device<maque::max_pool_backward_fn<float>>;
using mean_pool_forward_fn = on_device<maque::mean_pool_forward_fn<float>>;
using mean_pool_backward_fn = on_device<maque::mean_pool_backward_fn<float>>;
using sum_pool_forward_fn = on_device<maque::sum_pool_forward_fn<float>>;

/// mean_pool_backward onto zeros, which need not be there: every row of dx [rows, n] is written that a text
/// has.
using mean_pool_spread_fn = Code(Stream stream, const float* d_out, const int32_t* offsets, int64_t batch,
                                 int64_t n, float* dx);

/// x[b, j] /= offsets[b + 1] - offsets[b], where that is not 0, for x [batch, n].
using divide_by_lengths_fn = Code(Stream stream, const int32_t* offsets, int64_t batch, int64_t n, float* x);

}  // namespace maque::cuda
