#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/pooling.h"
#include "kernels/cuda/rows.h"

namespace maque::cuda {
namespace {

constexpr uint32_t kShares = 4;

/// A ragged batch of n columns.
struct Texts {
  const int32_t *offsets, *rows;
  int64_t batch, n;
  MAQUE_DEVICE int64_t row(int64_t s) const { return rows != nullptr ? rows[s] : s; }
};

MAQUE_KERNEL(kElementThreads) pool_max(Texts t, const float* x, int64_t ldx, float* out, int32_t* argmax) {
  const int64_t e = element_index();
  if (e >= t.batch * t.n) return;
  const int64_t b = e / t.n, j = e % t.n;
  float max = 0;
  int32_t at = -1;
  const auto see = [&](float value, int64_t row) {
    if (at >= 0 && !(value > max)) return;
    max = value;
    at = static_cast<int32_t>(row);
  };
  each_row(
      x + j, ldx, t.offsets[b], t.offsets[b + 1], [&](int64_t s) { return t.row(s); }, see);
  out[e] = max;
  if (argmax != nullptr) argmax[e] = at;
}

/// An element of x belongs to one text, so no two threads meet.
MAQUE_KERNEL(kElementThreads)
pool_max_backward(const float* d_out, const int32_t* argmax, int64_t batch, int64_t n, float* dx,
                  int64_t ldx) {
  const int64_t e = element_index();
  if (e < batch * n && argmax[e] >= 0) dx[argmax[e] * ldx + e % n] += d_out[e];
}

MAQUE_KERNEL(kElementThreads) pool_sum(Texts t, const float* x, int64_t ldx, bool mean, float* out) {
  const int64_t e = element_index();
  if (e >= t.batch * t.n) return;
  const int64_t b = e / t.n, j = e % t.n;
  const int32_t begin = t.offsets[b], end = t.offsets[b + 1];
  const float sum = add_rows(0.0f, x + j, ldx, begin, end, [&](int64_t s) { return t.row(s); });
  out[e] = mean && end > begin ? sum / static_cast<float>(end - begin) : sum;
}

/// Blocks along the second dimension of the grid share a text's rows, which differ.
MAQUE_KERNEL(kElementThreads) pool_mean_backward(Texts t, const float* d_out, float* dx, int64_t ldx) {
  const int64_t e = element_index();
  if (e >= t.batch * t.n) return;
  const int64_t b = e / t.n, begin = t.offsets[b], length = t.offsets[b + 1] - begin;
  const int64_t first = begin + length * block_y() / kShares,
                last = begin + length * (block_y() + 1) / kShares;
  float* x = dx + e % t.n;
  const float d = d_out[e] / static_cast<float>(length);
  each_row(
      x, ldx, first, last, [&](int64_t s) { return t.row(s); },
      [&](float value, int64_t row) { x[row * ldx] = value + d; });
}

MAQUE_KERNEL(kElementThreads) divide_rows(const int32_t* offsets, int64_t batch, int64_t n, float* x) {
  const int64_t e = element_index();
  if (e >= batch * n) return;
  const int32_t length = offsets[e / n + 1] - offsets[e / n];
  if (length > 0) x[e] /= static_cast<float>(length);
}

MAQUE_KERNEL(kElementThreads) spread_mean(Texts t, const float* d_out, float* dx) {
  const int64_t e = element_index();
  if (e >= t.batch * t.n) return;
  const int64_t b = e / t.n, j = e % t.n;
  const int32_t begin = t.offsets[b], end = t.offsets[b + 1];
  const float d = 0.0f + d_out[e] / static_cast<float>(end - begin);
  for (int32_t s = begin; s < end; ++s) dx[s * t.n + j] = d;
}

}  // namespace

Code max_pool_forward(Stream stream, const float* x, int64_t ldx, const int32_t* offsets, const int32_t* rows,
                      int64_t batch, int64_t n, float* out, int32_t* argmax) {
  if (batch * n == 0) return kSuccess;
  return launch(over_elements("max_pool_forward", batch * n, stream), pool_max,
                Texts{offsets, rows, batch, n}, x, ldx, out, argmax);
}

Code max_pool_backward(Stream stream, const float* d_out, const int32_t* argmax, int64_t batch, int64_t n,
                       float* dx, int64_t ldx) {
  if (batch * n == 0) return kSuccess;
  return launch(over_elements("max_pool_backward", batch * n, stream), pool_max_backward, d_out, argmax,
                batch, n, dx, ldx);
}

Code mean_pool_forward(Stream stream, const float* x, int64_t ldx, const int32_t* offsets,
                       const int32_t* rows, int64_t batch, int64_t n, float* out) {
  if (batch * n == 0) return kSuccess;
  return launch(over_elements("mean_pool_forward", batch * n, stream), pool_sum,
                Texts{offsets, rows, batch, n}, x, ldx, true, out);
}

Code mean_pool_backward(Stream stream, const float* d_out, const int32_t* offsets, const int32_t* rows,
                        int64_t batch, int64_t n, float* dx, int64_t ldx) {
  if (batch * n == 0) return kSuccess;
  Launch shape = over_elements("mean_pool_backward", batch * n, stream);
  shape.grid.y = kShares;
  return launch(shape, pool_mean_backward, Texts{offsets, rows, batch, n}, d_out, dx, ldx);
}

Code mean_pool_spread(Stream stream, const float* d_out, const int32_t* offsets, int64_t batch, int64_t n,
                      float* dx) {
  if (batch * n == 0) return kSuccess;
  return launch(over_elements("mean_pool_spread", batch * n, stream), spread_mean,
                Texts{offsets, nullptr, batch, n}, d_out, dx);
}

Code sum_pool_forward(Stream stream, const float* x, int64_t ldx, const int32_t* offsets, const int32_t* rows,
                      int64_t batch, int64_t n, float* out) {
  if (batch * n == 0) return kSuccess;
  return launch(over_elements("sum_pool_forward", batch * n, stream), pool_sum,
                Texts{offsets, rows, batch, n}, x, ldx, false, out);
}

Code divide_by_lengths(Stream stream, const int32_t* offsets, int64_t batch, int64_t n, float* x) {
  if (batch * n == 0) return kSuccess;
  return launch(over_elements("divide_by_lengths", batch * n, stream), divide_rows, offsets, batch, n, x);
}

}  // namespace maque::cuda
