// kernels/objective.h on a GPU, in one launch: loss, its parts, gradient, norms and counts. A thread takes a
// row, in the CPU's order: the gradient, the cross entropy and the divergence have the CPU's bits. The mean
// squared error and the gradients' norms add each row's squares first and then the rows: other bits, the same
// bounds.
//
// Written for the tens of classes that text classifiers have: with many, a row's thread is slow.
#pragma once
#include "kernels/cuda/on_device.h"
#include "kernels/objective.h"

namespace maque::cuda {

/// report lies on the device.
using objective_fn = on_device<maque::objective_fn<float>>;

}  // namespace maque::cuda
