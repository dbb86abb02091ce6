// Rows of floats to unsigned bytes with a scale of their own, symmetric around the zero point z.
//
//   m = max_p |x[i, p]|,  L = z - 1
//   m = 0: q[i, :] = z, scale[i] = 0
//   else:  r = L / m, scale[i] = m / L, q[i, p] = z + rne(x[i, p] * r) clamped to [1, 2 z - 1]
//
// rne rounds halves to even. A NaN product counts as 0, as a cast to int in Java does; a row with NaN has
// scale NaN, one with an infinity scale infinity, so that not finite activations stay not finite. Division
// and product are the plain ones: the bits of ref on every flavour, and of plain Java.
// |x - scale (q - z)| <= scale / 2 + 2^-22 m for finite rows with m >= 2^-100.
//
// quantize_rows_affine spends all 256 values on what lies between a row's ends, which zero always does. Each
// column may first be multiplied by a factor of its own (the weights that follow divided by it), so that a
// few columns of large values do not take the steps from all others (SmoothQuant, arXiv 2211.10438):
//
//   v[i, p] = x[i, p] factor[p]
//   lo = min(0, min_p v[i, p]), hi = max(0, max_p v[i, p]), range = hi - lo
//   range < 2^-100: q[i, :] = zero[i] = 128, scale[i] = 0
//   else: r = 255 / range, scale[i] = range / 255, zero[i] = rne(-lo r),
//         q[i, p] = rne(v[i, p] r) + zero[i] clamped to [0, 255]
//
// A row with NaN or an infinity has scale NaN and q[i, :] = zero[i] = 128.
// |v - scale (q - zero)| <= scale + 2^-20 range for finite rows with 2^-100 <= range < 2^127.
#pragma once
#include "core/types.h"

namespace maque {

/// x [rows, k] with row stride ldx; q with row stride ldq: int8_whole_k(k) bytes of each row are written,
/// those past k with z. zero_point: 64 (7 bits) or 128 (8 bits). scale: [rows].
using quantize_rows_fn = void(const float* x, int64_t ldx, int64_t rows, int64_t k, int32_t zero_point,
                              uint8_t* q, int64_t ldq, float* scale);

/// As quantize_rows; bytes past k are zero[i]. factor: [k], or null: 1. zero: [rows].
using quantize_rows_affine_fn = void(const float* x, int64_t ldx, const float* factor, int64_t rows,
                                     int64_t k, uint8_t* q, int64_t ldq, float* scale, int32_t* zero);

/// Ranges below this one count as 0.
constexpr float kLeastRange = 0x1p-100f;

}  // namespace maque
