#include "kernels/pooling.h"

#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

namespace {

MAQUE_INLINE int64_t row_of(const int32_t* rows, int32_t s) { return rows != nullptr ? rows[s] : s; }

/// The sums over the positions [begin, end) of columns [0, 16 * kBlocks), r lanes each: a row's neighbouring
/// lines are fetched together, which counts where the rows lie far apart in a large table.
template <int kBlocks>
MAQUE_INLINE void sum_rows(const float* x, int64_t ldx, const int32_t* rows, int32_t begin, int32_t end,
                           int64_t r, F* total) {
  for (int b = 0; b < kBlocks; ++b) total[b] = F::zero();
  for (int32_t s = begin; s < end; ++s) {
    const float* row = x + row_of(rows, s) * ldx;
    for (int b = 0; b < kBlocks; ++b) total[b] = total[b] + load(row + b * kLanes, r);
  }
}

/// f(sum, j, r) over the lanes of the sum of the rows of positions [begin, end).
template <class Finish>
MAQUE_INLINE void sum_positions(const float* x, int64_t ldx, const int32_t* rows, int32_t begin, int32_t end,
                                int64_t n, const Finish& f) {
  int64_t j = 0;
  F total[4];
  for (; j + 4 * kLanes <= n; j += 4 * kLanes) {
    sum_rows<4>(x + j, ldx, rows, begin, end, kLanes, total);
    for (int b = 0; b < 4; ++b) f(total[b], j + b * kLanes, kLanes);
  }
  for (; j < n; j += kLanes) {
    const int64_t r = min_of(kLanes, n - j);
    sum_rows<1>(x + j, ldx, rows, begin, end, r, total);
    f(total[0], j, r);
  }
}

}  // namespace

void max_pool_forward(const float* x, int64_t ldx, const int32_t* offsets, const int32_t* rows, int64_t batch,
                      int64_t n, float* out, int32_t* argmax) {
  for (int64_t b = 0; b < batch; ++b, out += n) {
    const int32_t begin = offsets[b], end = offsets[b + 1];
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
      F max = F::zero();
      I at = I::set1(-1);
      if (begin < end) {
        max = load(x + row_of(rows, begin) * ldx + j, r);
        at = I::set1(static_cast<int32_t>(row_of(rows, begin)));
      }
      for (int32_t s = begin + 1; s < end; ++s) {
        const F value = load(x + row_of(rows, s) * ldx + j, r);
        const M above = value > max;
        max = select(above, value, max);
        at = select(above, I::set1(static_cast<int32_t>(row_of(rows, s))), at);
      }
      store(max, out + j, r);
      if (argmax != nullptr) at.store(argmax + b * n + j, r);
    });
  }
}

void max_pool_backward(const float* d_out, const int32_t* argmax, int64_t batch, int64_t n, float* dx,
                       int64_t ldx) {
  for (int64_t b = 0; b < batch; ++b, d_out += n, argmax += n) {
    for (int64_t j = 0; j < n; ++j) {
      if (argmax[j] >= 0) dx[argmax[j] * ldx + j] += d_out[j];
    }
  }
}

void mean_pool_forward(const float* x, int64_t ldx, const int32_t* offsets, const int32_t* rows,
                       int64_t batch, int64_t n, float* out) {
  for (int64_t b = 0; b < batch; ++b, out += n) {
    const int32_t begin = offsets[b], end = offsets[b + 1];
    const F length = F::set1(static_cast<float>(begin < end ? end - begin : 1));
    sum_positions(x, ldx, rows, begin, end, n,
                  [&](F total, int64_t j, int64_t r) MAQUE_BODY { store(total / length, out + j, r); });
  }
}

void sum_pool_forward(const float* x, int64_t ldx, const int32_t* offsets, const int32_t* rows, int64_t batch,
                      int64_t n, float* out) {
  for (int64_t b = 0; b < batch; ++b, out += n) {
    sum_positions(x, ldx, rows, offsets[b], offsets[b + 1], n,
                  [&](F total, int64_t j, int64_t r) MAQUE_BODY { store(total, out + j, r); });
  }
}

void mean_pool_backward(const float* d_out, const int32_t* offsets, const int32_t* rows, int64_t batch,
                        int64_t n, float* dx, int64_t ldx) {
  for (int64_t b = 0; b < batch; ++b, d_out += n) {
    const int32_t begin = offsets[b], end = offsets[b + 1];
    const F length = F::set1(static_cast<float>(end - begin));
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
      const F share = load(d_out + j, r) / length;
      for (int32_t s = begin; s < end; ++s) {
        float* d = dx + row_of(rows, s) * ldx + j;
        store(load(d, r) + share, d, r);
      }
    });
  }
}

}  // namespace maque::MAQUE_ISA
