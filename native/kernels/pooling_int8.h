// Means of int8 rows with scales, over the tokens of each text of a ragged batch.
//
//   out[b, j] = ((0 + x_0) + x_1 + ...) / length,  x_s = float(table[id_s, j]) * scale[id_s]
//
// in the order of the text; a text of no tokens has zeros. No fused multiply-add: the same bits in plain
// Java.
#pragma once
#include "core/types.h"

namespace maque {

/// table: row stride ld; the scale of row id at scale[id * scale_stride]. Text b has ids[offsets[b]] ..
/// ids[offsets[b + 1] - 1]. out [batch, n], row stride ld_out.
using mean_pool_int8_fn = void(const int8_t* table, int64_t ld, const float* scale, int64_t scale_stride,
                               const int32_t* ids, const int32_t* offsets, int64_t batch, int64_t n,
                               float* out, int64_t ld_out);

}  // namespace maque
