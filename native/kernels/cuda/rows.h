// Walks over rows that lie anywhere, in order. What takes time is to wait for memory: rows are asked for
// several at a time, and then taken one by one.
#pragma once
#include "kernels/cuda/device.h"

namespace maque::cuda {

/// f(x[row * ld], row) of row = row_of(begin), row_of(begin + 1), ... before `end`.
template <class RowOf, class F>
MAQUE_DEVICE void each_row(const float* x, int64_t ld, int64_t begin, int64_t end, const RowOf& row_of,
                           const F& f) {
  constexpr int32_t kAhead = 8;
  for (; begin + kAhead <= end; begin += kAhead) {
    int64_t rows[kAhead];
    float values[kAhead];
    MAQUE_UNROLL
    for (int32_t i = 0; i < kAhead; ++i) rows[i] = row_of(begin + i);
    MAQUE_UNROLL
    for (int32_t i = 0; i < kAhead; ++i) values[i] = x[rows[i] * ld];
    MAQUE_UNROLL
    for (int32_t i = 0; i < kAhead; ++i) f(values[i], rows[i]);
  }
  for (; begin < end; ++begin) f(x[row_of(begin) * ld], row_of(begin));
}

/// sum + x[row * ld] + ... of these rows, in order.
template <class RowOf>
MAQUE_DEVICE float add_rows(float sum, const float* x, int64_t ld, int64_t begin, int64_t end,
                            const RowOf& row_of) {
  each_row(x, ld, begin, end, row_of, [&](float value, int64_t) { sum += value; });
  return sum;
}

}  // namespace maque::cuda
