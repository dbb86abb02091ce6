// kernels/layer_norm.h on a GPU, and the same with what stands before it in a transformer:
//   sum = dropout(x) + residual;  y = LayerNorm(sum)
// Half a warp takes a row, its lanes being the 16 virtual lanes: the CPU's bits, but for the gradients of the
// parameters of more than kChainRows rows.
#pragma once
#include "kernels/cuda/on_device.h"
#include "kernels/layer_norm.h"

namespace maque::cuda {

/// Rows of one chain of a sum over rows. With more rows each kChainRows of them make a chain from 0, and the
/// chains' sums are added to the present value in order: other bits than the CPU's, the same bound.
constexpr int64_t kChainRows = 64;

/// Floats of scratch of a sum over the rows of `outputs` arrays of n columns.
constexpr int64_t chain_scratch(int64_t rows, int64_t outputs, int64_t n) {
  return rows <= kChainRows ? 0 : divide_up(rows, kChainRows) * outputs * n;
}

using layer_norm_forward_fn = on_device<maque::layer_norm_forward_fn<float>>;
using layer_norm_backward_fn = on_device<maque::layer_norm_backward_fn<float>>;

/// x, residual, sum, y [rows, n]; sum may be x or residual, and y may be sum. Element i * n + j of the mask;
/// p = 0 keeps everything. mean and rstd as in layer_norm_forward. y_bf16 [rows, n] or null: y rounded.
using layer_norm_residual_forward_fn = Code(Stream stream, const float* x, const Dropout& dropout,
                                            const float* residual, const float* gamma, const float* beta,
                                            float eps, int64_t rows, int64_t n, float* sum, float* y,
                                            uint16_t* y_bf16, float* mean, float* rstd);

/// Of the gradient dy of y: d_residual, which is that of sum, and dx = dropout(d_residual), fp32 or rounded
/// or both (null: not wanted). d_residual may be dy.
using layer_norm_residual_backward_fn = Code(Stream stream, const float* sum, const float* gamma,
                                             const float* mean, const float* rstd, const Dropout& dropout,
                                             const float* dy, int64_t rows, int64_t n, float* d_residual,
                                             float* dx, uint16_t* dx_bf16);

/// What BERT starts with: sum = embedding_sum_forward(...) (kernels/embedding.h), y =
/// dropout(LayerNorm(sum)). sum, which the backward pass reads, may be y, and then is lost. y_bf16, mean and
/// rstd as above.
struct EmbeddingTables {
  const float *word, *position, *type;
};
struct EmbeddingIds {
  const int32_t *word, *position, *type;  // type null: all 0
};
using embedding_norm_forward_fn = Code(Stream stream, const EmbeddingTables& tables, const EmbeddingIds& ids,
                                       const float* gamma, const float* beta, float eps,
                                       const Dropout& dropout, int64_t rows, int64_t n, float* sum, float* y,
                                       uint16_t* y_bf16, float* mean, float* rstd);

/// scratch: chain_scratch(rows, 2, n) floats.
using layer_norm_params_backward_fn = Code(Stream stream, const float* x, const float* mean,
                                           const float* rstd, const float* dy, int64_t rows, int64_t n,
                                           float* dgamma, float* dbeta, float* scratch);

}  // namespace maque::cuda
