// Matrix product in bfloat16 with fp32 accumulation: gemm.h's C, epilogue and strides, with A and B rounded
// to bf16 (to nearest, ties to even; NaN stays NaN, what is denormal in fp32 becomes 0).
//
// k is walked in pairs. One step of a sum is (the dot product of AVX512_BF16, in Intel's documented order)
//
//   c = round(round(c + a[2 q + 1] b[2 q + 1]) + a[2 q] b[2 q]),    an odd k's last pair being filled with 0,
//
// with denormal results flushed to 0. The product of two bf16 numbers is exact in fp32, so every step rounds
// as a fused multiply-add does. Within one flavour the bits do not depend on tiling, threads or the rows
// beside; between flavours a CPU may sum a pair in another order, without the inner rounding, or (arm64's
// BFDOT) the pair by itself and that to c, both rounded to odd, which is off by up to 2^-23 but once for two
// elements; and
//
//   |c - exact| <= (k + 2) * 2^-24 * sum_p |A'[i, p] * B'[p, j]| + k * 2^-126,   A', B' rounded to bf16,
//
// holds for each, so that two of them differ by twice that at most (see gemm.h for the source of the bound; a
// C that is added to counts as one more term).
#pragma once
#include "kernels/gemm.h"

namespace maque {

/// Elements that a packed [k, n] matrix takes.
constexpr int64_t gemm_bf16_packed_size(int64_t k, int64_t n) {
  return (n + kPanel - 1) / kPanel * kPanel * ((k + 1) / 2 * 2);
}

/// Packs B as gemm_pack does, rounding it to bf16: element (p, j) is read at b[p * row_stride + j *
/// col_stride] and stored at packed[((j / 32 * ceil(k / 2) + p / 2) * 32 + j % 32) * 2 + p % 2]; what lies
/// past k or n is 0.
using gemm_bf16_pack_fn = void(const float* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n,
                               uint16_t* packed);

/// args.b is not read: b, packed by gemm_bf16_pack, takes its place. A block of columns [j0, j1) with j0 a
/// multiple of 32 is computed by advancing b by j0 * (k rounded up to even). residual may be C itself for
/// k <= 2 * kGemmScratch.
using gemm_bf16_fn = void(const GemmArgs<float>& args, const uint16_t* b);

}  // namespace maque
