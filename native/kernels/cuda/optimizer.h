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
/// The same of bf16 numbers, added in fp32.
using column_sums_bf16_fn = Code(Stream stream, const uint16_t* x, int64_t ldx, int64_t rows, int64_t n,
                                 float* sums, float* scratch);

/// One tensor of a model; all pointers are the device's. first: momentum or m, second: v; null where the
/// optimiser has none.
struct TrainedTensor {
  float* w;
  const float* grad;
  float *first, *second;
  double rate_scale;
  float weight_decay;
};

/// At most kSumChunk elements of a tensor; a tensor is cut from its start on.
struct TensorPiece {
  int32_t tensor, n;
  int64_t begin;
};

/// A gradient of which only rows ids[0 .. count) of `tensor` are there, one of `width` elements after the
/// other; only they and their state are updated. width is at most kSumChunk.
struct RowPieces {
  int32_t tensor;
  int64_t count, width;
  const int32_t* ids;
  const float* values;
};

/// All of a model that is trained; tensors and pieces lie on the device. A tensor has pieces, or is the one
/// of rows.
struct TrainedPieces {
  const TrainedTensor* tensors;
  const TensorPiece* pieces;
  int64_t count;  // of pieces
  RowPieces rows;

  int64_t sums() const { return count + rows.count; }
};

/// What changes from update to update, on the device: a captured step needs no other arguments. The
/// corrections are Adam's.
struct StepScalars {
  double rate;
  float correction1, sqrt_correction2;
};

/// What global_norm leaves on the device: norm of all gradients, and the factor that brings it down to
/// clip_norm (1 if it is not above): clip_norm / (norm + 1e-6), as in training on a CPU. stopped: 1 from the
/// first loss or norm that is not finite on, until the host clears it; updates are passed over then.
struct ClipReport {
  double norm;
  float scale;
  int32_t stopped;
};

/// partial_sums [pieces.sums()] is scratch: each piece's sum of squares has the CPU's bits, and they are
/// added in double in an order that their number alone determines. clip_norm 0: scale 1. loss: on the device,
/// or null; if it is not finite, the norm is 0.
using global_norm_fn = Code(Stream stream, const TrainedPieces& pieces, double clip_norm, const float* loss,
                            float* partial_sums, ClipReport* report);

/// adam_step on every piece and row, with lr = rate * rate_scale and the report's scale (report null: 1, and
/// never stopped).
using adam_step_all_fn = Code(Stream stream, const TrainedPieces& pieces, double beta1, double beta2,
                              float eps, const StepScalars* scalars, const ClipReport* report);

/// sgd_step likewise.
using sgd_step_all_fn = Code(Stream stream, const TrainedPieces& pieces, float momentum,
                             const StepScalars* scalars, const ClipReport* report);

}  // namespace maque::cuda
