// Means of int8 rows: plain loops. See kernels/pooling_int8.h.
#pragma once
#include "kernels/pooling_int8.h"

namespace maque::ref {

inline void mean_pool_int8(const int8_t* table, int64_t ld, const float* scale, int64_t scale_stride,
                           const int32_t* ids, const int32_t* offsets, int64_t batch, int64_t n, float* out,
                           int64_t ld_out) {
  for (int64_t b = 0; b < batch; ++b) {
    const int32_t begin = offsets[b], end = offsets[b + 1];
    for (int64_t j = 0; j < n; ++j) {
      float total = 0;
      for (int32_t s = begin; s < end; ++s) {
        const int64_t id = ids[s];
        total += static_cast<float>(table[id * ld + j]) * scale[id * scale_stride];
      }
      out[b * ld_out + j] = total / static_cast<float>(begin < end ? end - begin : 1);
    }
  }
}

}  // namespace maque::ref
