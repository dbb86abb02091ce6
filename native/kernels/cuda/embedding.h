// kernels/embedding.h on a GPU, with the CPU's bits: a table's row takes its gradients in the order of the
// rows, by one thread for each column, so no addition meets another.
#pragma once
#include "kernels/cuda/on_device.h"
#include "kernels/embedding.h"

namespace maque::cuda {

using embedding_sum_forward_fn = on_device<maque::embedding_sum_forward_fn<float>>;
using gather_rows_fn = on_device<maque::gather_rows_fn<float>>;
using scatter_add_rows_fn = on_device<maque::scatter_add_rows_fn<float>>;

}  // namespace maque::cuda
