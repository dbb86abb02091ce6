#include "kernels/pooling_int8.h"

#include "kernels/simd/declarations_int8.h"

namespace maque::MAQUE_ISA {
namespace {

constexpr int64_t kAhead = 8;  // rows that are asked for before they are read

/// N blocks of 16 columns from column j of one text.
template <int N>
MAQUE_INLINE void mean_columns(const int8_t* table, int64_t ld, const float* scale, int64_t scale_stride,
                               const int32_t* ids, int64_t count, F length, float* out) {
  F total[N];
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i) total[i] = F::zero();
  for (int64_t s = 0; s < count; ++s) {
    const int8_t* row = table + ids[s] * ld;
    if (s + kAhead < count) {  // the rows of a large table lie anywhere
      const int8_t* next = table + ids[s + kAhead] * ld;
      __builtin_prefetch(next);
      if (N > 1) __builtin_prefetch(next + N * kLanes - 1);
    }
    const F step = F::set1(scale[ids[s] * scale_stride]);
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) total[i] = total[i] + to_float(widen(row + i * kLanes)) * step;
  }
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i) (total[i] / length).store(out + i * kLanes);
}

/// What is left of a row: fewer than 16 columns.
void mean_rest(const int8_t* table, int64_t ld, const float* scale, int64_t scale_stride, const int32_t* ids,
               int64_t count, float length, int64_t n, float* out) {
  for (int64_t j = 0; j < n; ++j) {
    float total = 0;
    for (int64_t s = 0; s < count; ++s) {
      total += static_cast<float>(table[ids[s] * ld + j]) * scale[ids[s] * scale_stride];
    }
    out[j] = total / length;
  }
}

}  // namespace

void mean_pool_int8(const int8_t* table, int64_t ld, const float* scale, int64_t scale_stride,
                    const int32_t* ids, const int32_t* offsets, int64_t batch, int64_t n, float* out,
                    int64_t ld_out) {
  constexpr int kBlocks = 4;
  for (int64_t b = 0; b < batch; ++b, out += ld_out) {
    const int32_t* first = ids + offsets[b];
    const int64_t count = offsets[b + 1] - offsets[b];
    const float length = static_cast<float>(count > 0 ? count : 1);
    int64_t j = 0;
    for (; j + kBlocks * kLanes <= n; j += kBlocks * kLanes) {
      mean_columns<kBlocks>(table + j, ld, scale, scale_stride, first, count, F::set1(length), out + j);
    }
    for (; j + kLanes <= n; j += kLanes) {
      mean_columns<1>(table + j, ld, scale, scale_stride, first, count, F::set1(length), out + j);
    }
    mean_rest(table + j, ld, scale, scale_stride, first, count, length, n - j, out + j);
  }
}

}  // namespace maque::MAQUE_ISA
