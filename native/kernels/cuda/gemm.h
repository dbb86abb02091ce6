// kernels/gemm.h and kernels/gemm_bf16.h on a GPU. Nothing is packed: B is read where it lies.
//
//   C[i, j] = act(sum_p A[i, p] * B[p, j] + bias[j]) + residual[i, j]
//
// fp32 (sm_75 and later) sums each element over p = 0, 1, ... by fused multiply-adds: the CPU's bits.
//
// bf16 (sm_80 and later: kInvalidDeviceFunction below) takes factors that are bf16 already and sums in fp32
// on tensor cores, 16 of k at a time. How one step of those rounds is not documented; against the sum of the
// rounded factors
//   |c - exact| <= 4 (k + 1) 2^-24 sum_p |A[i, p] * B[p, j]|
// is what is asked of it (see kernels/gemm.h for the source; the emulation's steps are fused multiply-adds,
// which need a quarter).
#pragma once
#include "kernels/cuda/launch.h"

namespace maque::cuda {

/// What happens to a sum, and where it goes. C may not overlap A or B; residual may be C itself, then without
/// accumulate.
struct GemmResult {
  float* c;  // [m, n], row stride ldc; null, without accumulate, where c_bf16 alone is wanted
  int64_t ldc;
  bool accumulate;    // start each sum from C (which then already holds a bias, if there is one)
  const float* bias;  // [n] or null
  Activation activation;
  float* pre_activation;  // [m, n], row stride ld_pre, or null: receives sum + bias
  int64_t ld_pre;
  const float* residual;  // [m, n], row stride ld_residual, or null
  int64_t ld_residual;
  uint16_t* c_bf16;  // [m, n], row stride ld_bf16, or null: receives the result rounded to bf16 besides
  int64_t ld_bf16;
  // [m, n], row stride ld_pre, or null: the sum is not activated, but multiplied by the activation's
  // derivative at these values (a gradient that comes to where pre_activation was).
  const float* derivative_at;
  // [m, n], contiguous, or null: scratch for another library's sums where c is null. Holds no result.
  float* sums;
};

/// Element (i, p) of A at a[i * a_row_stride + p * a_k_stride], (p, j) of B at b[p * b_k_stride + j *
/// b_col_stride]; reading is fast where one of the two strides of each is 1.
struct GemmFactors {
  int64_t m, n, k;
  const float* a;
  int64_t a_row_stride, a_k_stride;
  const float* b;
  int64_t b_k_stride, b_col_stride;
};

using gemm_fn = Code(Stream stream, const GemmFactors& factors, const GemmResult& result);

/// Element (i, p) of A at a[i * lda + p], or a[p * lda + i] where a_by_k; (p, j) of B at b[p * ldb + j], or
/// b[j * ldb + p] where b_by_column, as a weight [out, in] lies that is applied as x W^T. a and b are
/// multiples of 16 bytes, lda and ldb of 8 elements (else kInvalidValue); what fills a row up to that is not
/// read.
struct GemmBf16Factors {
  int64_t m, n, k;
  const uint16_t* a;
  int64_t lda;
  bool a_by_k;
  const uint16_t* b;
  int64_t ldb;
  bool b_by_column;
};

using gemm_bf16_fn = Code(Stream stream, const GemmBf16Factors& factors, const GemmResult& result);

/// Products of one launch, each as by itself: for those of which one alone leaves most of a device idle, as
/// the gradients of weights do, whose sums are long and whose tiles are few. Results may not overlap.
constexpr int32_t kMostProducts = 4;
template <class Factors>
struct ProductGroup {
  int32_t count;
  Factors factors[kMostProducts];
  GemmResult results[kMostProducts];
};
using gemm_group_fn = Code(Stream stream, const ProductGroup<GemmFactors>& group);

/// a_by_k and not b_by_column, as gradients of weights have it (else kInvalidValue).
using gemm_bf16_group_fn = Code(Stream stream, const ProductGroup<GemmBf16Factors>& group);

/// What follows a product whose sums [m, n] lie in `sums`: all of result but accumulate. sums may be C or the
/// place of pre_activation; residual may be C where that is not sums.
using finish_product_fn = Code(Stream stream, const float* sums, int64_t ld_sums, int64_t m, int64_t n,
                               const GemmResult& result);

/// y[i, j] = x[i, j] rounded to bf16 as in kernels/bf16.h; columns from n to ldy - 1 become 0.
using round_to_bf16_fn = Code(Stream stream, const float* x, int64_t ldx, int64_t rows, int64_t n,
                              uint16_t* y, int64_t ldy);

}  // namespace maque::cuda
