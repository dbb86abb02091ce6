// Matrix product of 8-bit integers with packed weights and a fused epilogue that goes back to floats.
//
//   sum[i, j] = sum_p (a[i, p] - z[i]) w[j, p]                               int32, exact
//   C[i, j]   = act(float(sum[i, j]) * (w_scale[j] * a_scale[i]) + bias[j]) + residual[i, j]
//
// a holds unsigned bytes with a zero point, the same for all rows or one of its own each, w signed ones.
// Everything outside act is single products and sums in the order written, never fused, so that plain Java
// gives the same bits; float(sum) rounds to even. Every flavour gives the bits of ref.
//
// What keeps vpmaddubsw (AVX2, AVX-512 without VNNI) from saturating: its sums of two products must stay
// below 2^15. So either activations have 7 bits and weights 8 (z = 64, a in [1, 127], |w| <= 127), or
// activations have 8 bits (any z, a in [0, 255]) and neighbours share the range: |w[j, p]| + |w[j, p + 1]|
// <= 128 for even p. gemm_int8_pack checks it.
#pragma once
#include "core/types.h"

namespace maque {

/// Columns of one packed panel, on every instruction set, and steps of k that one 32-bit lane holds.
constexpr int64_t kInt8Panel = 32, kInt8Step = 4;

/// Longest k whose sums fit int32.
constexpr int64_t kInt8MaxK = 65536;

/// Zero points of 7-bit and of 8-bit activations (without one for each row).
constexpr int32_t kZeroPoint7 = 64, kZeroPoint8 = 128;

/// k in whole steps.
constexpr int64_t int8_whole_k(int64_t k) { return (k + kInt8Step - 1) / kInt8Step * kInt8Step; }
/// n in whole panels: elements of `offsets`.
constexpr int64_t int8_whole_n(int64_t n) { return (n + kInt8Panel - 1) / kInt8Panel * kInt8Panel; }
/// Bytes that packed weights [n, k] take.
constexpr int64_t gemm_int8_packed_size(int64_t k, int64_t n) { return int8_whole_n(n) * int8_whole_k(k); }

/// Packs W [n, k], row stride ldw, as PyTorch has the weights of a layer. Element (j, p) goes to
///   packed[((j / 32 * ceil(k / 4) + p / 4) * 32 + j % 32) * 4 + p % 4],
/// what is past n and k is 0; offsets[j] = zero_point * sum_p W[j, p], int8_whole_n(n) elements. False (and
/// nothing is said of what was written) where a weight is -128 or the products could saturate, see above.
/// Not a kernel: the layout is the same for every instruction set.
bool gemm_int8_pack(const int8_t* w, int64_t ldw, int64_t k, int64_t n, int32_t zero_point, int8_t* packed,
                    int32_t* offsets);

/// Arguments of gemm_int8. A block of columns [j0, j1) with j0 a multiple of 32 is computed by advancing b by
/// j0 * int8_whole_k(k), and the other arrays of columns by j0.
struct GemmInt8Args {
  int64_t m, n, k;
  const uint8_t* a;  // [m, k], row stride lda >= int8_whole_k(k); bytes past k are read, and count as 0
  int64_t lda;
  const float* a_scale;  // of row i at a_scale[i * a_scale_stride]: 1, or 0 for one scale of all rows
  int64_t a_scale_stride;
  const int8_t* b;         // packed by gemm_int8_pack
  const int32_t* offsets;  // [n] of gemm_int8_pack: carries the zero point
  const int32_t* a_zero;   // [m] zero points of the rows in [0, 255], or null: packed for kZeroPoint8 then
  const float* w_scale;    // [n]
  float* c;                // [m, n], row stride ldc
  int64_t ldc;
  const float* bias;  // [n] or null
  Activation activation;
  const float* residual;  // [m, n], row stride ld_residual, or null; may be c itself
  int64_t ld_residual;
};

using gemm_int8_fn = void(const GemmInt8Args& args);

}  // namespace maque
