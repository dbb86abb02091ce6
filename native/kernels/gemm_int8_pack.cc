#include <string.h>

#include "kernels/gemm_int8.h"

namespace maque {
namespace {

/// Whether two neighbours of one row keep the sums of vpmaddubsw below 2^15, see gemm_int8.h.
bool fits(int32_t zero_point, int32_t first, int32_t second) {
  if (first == -128 || second == -128) return false;
  const int32_t sum = (first < 0 ? -first : first) + (second < 0 ? -second : second);
  return (2 * zero_point - 1) * sum <= INT16_MAX;
}

}  // namespace

bool gemm_int8_pack(const int8_t* w, int64_t ldw, int64_t k, int64_t n, int32_t zero_point, int8_t* packed,
                    int32_t* offsets) {
  const int64_t steps = int8_whole_k(k) / kInt8Step;
  bool fit = true;
  for (int64_t j = 0; j < int8_whole_n(n); ++j) {
    int8_t* column = packed + (j / kInt8Panel * steps * kInt8Panel + j % kInt8Panel) * kInt8Step;
    int32_t sum = 0;
    for (int64_t s = 0; s < steps; ++s) {
      int8_t step[kInt8Step] = {};
      const int64_t left = k - s * kInt8Step;
      if (j < n)
        memcpy(step, w + j * ldw + s * kInt8Step, static_cast<size_t>(left < kInt8Step ? left : kInt8Step));
      memcpy(column + s * kInt8Panel * kInt8Step, step, sizeof step);
      sum += step[0] + step[1] + step[2] + step[3];
      fit = fit && fits(zero_point, step[0], step[1]) && fits(zero_point, step[2], step[3]);
    }
    offsets[j] = zero_point * sum;
  }
  return fit;
}

}  // namespace maque
