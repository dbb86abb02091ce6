// Sums over rows that lie anywhere, in order. What takes time is to wait for memory: rows are asked for
// several at a time, and then added one by one.
#pragma once
#include "kernels/cuda/device.h"

namespace maque::cuda {

/// sum + x[row(begin) * ld] + x[row(begin + 1) * ld] + ... before `end`.
template <class Row>
MAQUE_DEVICE float add_rows(float sum, const float* x, int64_t ld, int64_t begin, int64_t end,
                            const Row& row) {
  constexpr int32_t kAhead = 8;
  for (; begin + kAhead <= end; begin += kAhead) {
    float values[kAhead];
    MAQUE_UNROLL
    for (int32_t i = 0; i < kAhead; ++i) values[i] = x[row(begin + i) * ld];
    MAQUE_UNROLL
    for (int32_t i = 0; i < kAhead; ++i) sum += values[i];
  }
  for (; begin < end; ++begin) sum += x[row(begin) * ld];
  return sum;
}

}  // namespace maque::cuda
