// Matrix product with packed B and a fused epilogue.
//
//   C[i, j] = act(sum_p A[i, p] * B[p, j] + bias[j]) + residual[i, j]
//
// Every sum is one chain of fused multiply-adds over p = 0, 1, ..., k - 1, starting from 0, or from C[i, j]
// when `accumulate`; a partial sum kept in C between blocks of p is exact, so tiling and threads do not show
// in the bits. Error of the sum: |c - exact| <= k * 2^-24 * sum_p |A[i, p] * B[p, j]| (fp32; a C that is
// added to counts as one more term). See Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
#pragma once
#include "core/types.h"

namespace maque {

/// Columns of one packed panel, on every instruction set.
constexpr int64_t kPanel = 32;

/// Elements that a packed [k, n] matrix takes.
constexpr int64_t gemm_packed_size(int64_t k, int64_t n) { return (n + kPanel - 1) / kPanel * kPanel * k; }

/// Elements of scratch that one call of gemm may use (for packing A); one scratch per thread.
constexpr int64_t kGemmScratch = 192 * 512;

/// Packs B: element (p, j) is read at b[p * row_stride + j * col_stride] and stored at
/// packed[(j / 32 * k + p) * 32 + j % 32]; columns past n are 0. A weight W[out, in] applied as x W^T has
/// k = in, n = out, row_stride = 1, col_stride = in.
template <class T>
using gemm_pack_fn = void(const T* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n,
                          T* packed);

/// Arguments of gemm. A and C may not overlap; residual may be C itself (same element read before it is
/// written) for k <= kGemmScratch; without accumulate, as C holds one thing only. A block of columns [j0, j1)
/// with j0 a multiple of 32 is computed by advancing b by j0 * k, and c, bias, residual and pre_activation by
/// j0.
template <class T>
struct GemmArgs {
  int64_t m, n, k;
  const T* a;  // element (i, p) at a[i * a_row_stride + p * a_k_stride]; one of the two strides is 1
  int64_t a_row_stride, a_k_stride;
  const T* b;  // packed by gemm_pack
  T* c;        // [m, n], row stride ldc
  int64_t ldc;
  bool accumulate;  // start each sum from C (which then already holds a bias, if there is one)
  const T* bias;    // [n] or null
  Activation activation;
  T* pre_activation;  // [m, n], row stride ld_pre, or null: receives sum + bias
  int64_t ld_pre;
  const T* residual;  // [m, n], row stride ld_residual, or null
  int64_t ld_residual;
  T* scratch;  // kGemmScratch elements
  // What the products after this one will read, or null: asked for along the way, so that it is in the caches
  // then. Nothing of the result depends on it.
  const void* soon;
  int64_t soon_bytes;
};

template <class T>
using gemm_fn = void(const GemmArgs<T>& args);

}  // namespace maque
