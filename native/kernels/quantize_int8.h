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
#pragma once
#include "core/types.h"

namespace maque {

/// x [rows, k] with row stride ldx; q with row stride ldq: int8_whole_k(k) bytes of each row are written,
/// those past k with z. zero_point: 64 (7 bits) or 128 (8 bits). scale: [rows].
using quantize_rows_fn = void(const float* x, int64_t ldx, int64_t rows, int64_t k, int32_t zero_point,
                              uint8_t* q, int64_t ldq, float* scale);

}  // namespace maque
