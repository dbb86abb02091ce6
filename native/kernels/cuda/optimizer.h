// kernels/optimizer.h on a GPU, with the CPU's bits but for sums over more than kChainRows rows; and the
// updates of all tensors of a model in one launch, with the norm that clips them, neither of which waits for
// the host.
#pragma once
#include "kernels/cuda/layer_norm.h"
#include "kernels/cuda/on_device.h"
#include "kernels/optimizer.h"

namespace maque::cuda {

using sgd_step_fn = on_device<maque::sgd_step_fn<float>>;
using adam_step_fn = on_device<maque::adam_step_fn<float>>;
using add_fn = on_device<maque::add_fn<float>>;

/// sums[j] += sum_i x[i, j] for x [rows, n]; scratch: chain_scratch(rows, 1, n) floats.
using column_sums_fn = Code(Stream stream, const float* x, int64_t ldx, int64_t rows, int64_t n, float* sums,
                            float* scratch);

/// One tensor of a model; all pointers are the device's.
struct TrainedTensor {
  float* w;
  const float* grad;
  float *m, *v;
  float lr, weight_decay;
};

/// At most kSumChunk elements of a tensor; a tensor is cut from its start on.
struct TensorPiece {
  int32_t tensor, n;
  int64_t begin;
};

/// What global_norm leaves on the device: norm of all gradients, and the factor that brings it down to
/// clip_norm (1 if it is not above): clip_norm / (norm + 1e-6), as in training on a CPU.
struct ClipReport {
  double norm;
  float scale;
};

/// tensors and pieces [count] lie on the device. partial_sums [count] is scratch: each piece's sum of squares
/// has the CPU's bits, and they are added in double in an order that count alone determines. clip_norm 0:
/// scale 1.
using global_norm_fn = Code(Stream stream, const TrainedTensor* tensors, const TensorPiece* pieces,
                            int64_t count, double clip_norm, float* partial_sums, ClipReport* report);

/// adam_step on every piece, with the tensor's lr and weight_decay and the report's scale (report null: 1).
using adam_step_all_fn = Code(Stream stream, const TrainedTensor* tensors, const TensorPiece* pieces,
                              int64_t count, double beta1, double beta2, float eps, float correction1,
                              float sqrt_correction2, const ClipReport* report);

}  // namespace maque::cuda
