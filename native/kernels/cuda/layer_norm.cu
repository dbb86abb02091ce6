#include "kernels/bf16.h"
#include "kernels/cuda/chains.h"
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/lanes.h"
#include "kernels/cuda/layer_norm.h"
#include "kernels/cuda/mask.h"
#include "kernels/math.h"

namespace maque::cuda {
namespace {

constexpr uint32_t kThreads = 128;
constexpr int64_t kRowsABlock = kThreads / kLanes;

/// The row of this half warp, and its lane; n is 0 past the last row, so that the whole warp folds.
struct Row {
  int64_t row, n;
  int32_t lane;
  bool inside;
  MAQUE_DEVICE Row(int64_t rows, int64_t columns)
      : row(static_cast<int64_t>(block_x()) * kRowsABlock + thread_x() / kLanes),
        n(row < rows ? columns : 0),
        lane(thread_x() % kLanes),
        inside(row < rows) {}
};

struct Norm {
  const float *gamma, *beta;
  float eps;
  float *y, *mean, *rstd;
  uint16_t* rounded;  // or null
  Mask mask;          // of y
};

/// Element e of an array, after dropout.
MAQUE_DEVICE float dropped(const Mask& mask, int64_t e, float x) {
  return mask.key.p > 0 ? masked(mask, static_cast<uint64_t>(e), x) : x;
}

/// Statistics and result of a row whose elements each lane has seen or written itself.
MAQUE_DEVICE void normalise(const Row& r, const float* x, int64_t columns, float sum, const Norm& norm) {
  const float mu = fold_lanes(sum) / static_cast<float>(columns);
  float squares = 0;
  for (int64_t j = r.lane; j < r.n; j += kLanes) squares = math::fma(x[j] - mu, x[j] - mu, squares);
  const float rstd = 1.0f / math::sqrt(fold_lanes(squares) / static_cast<float>(columns) + norm.eps);
  for (int64_t j = r.lane; j < r.n; j += kLanes) {
    const int64_t e = r.row * columns + j;
    const float y = dropped(norm.mask, e, math::fma((x[j] - mu) * rstd, norm.gamma[j], norm.beta[j]));
    norm.y[e] = y;
    if (norm.rounded != nullptr) norm.rounded[e] = to_bf16(y);
  }
  if (!r.inside || r.lane != 0) return;
  if (norm.mean != nullptr) norm.mean[r.row] = mu;
  if (norm.rstd != nullptr) norm.rstd[r.row] = rstd;
}

MAQUE_KERNEL(kThreads) norm_rows(const float* x, int64_t rows, int64_t n, Norm norm) {
  const Row r(rows, n);
  const float* row = x + r.row * n;
  float sum = 0;
  for (int64_t j = r.lane; j < r.n; j += kLanes) sum += row[j];
  normalise(r, row, n, sum, norm);
}

MAQUE_KERNEL(kThreads)
norm_residual_rows(const float* x, Mask mask, const float* residual, int64_t rows, int64_t n, float* sums,
                   Norm norm) {
  const Row r(rows, n);
  float* out = sums + r.row * n;
  float sum = 0;
  for (int64_t j = r.lane; j < r.n; j += kLanes) {
    const int64_t e = r.row * n + j;
    const float value = dropped(mask, e, x[e]) + residual[e];
    out[j] = value;
    sum += value;
  }
  normalise(r, out, n, sum, norm);
}

MAQUE_KERNEL(kThreads)
norm_embedded_rows(EmbeddingTables tables, EmbeddingIds ids, int64_t rows, int64_t n, float* sums,
                   Norm norm) {
  const Row r(rows, n);
  const int64_t at = r.inside ? r.row : 0;
  const float *word = tables.word + ids.word[at] * n, *position = tables.position + ids.position[at] * n,
              *type = tables.type + (ids.type != nullptr ? ids.type[at] * n : 0);
  float* out = sums + r.row * n;
  float sum = 0;
  for (int64_t j = r.lane; j < r.n; j += kLanes) {
    const float value = (word[j] + position[j]) + type[j];
    out[j] = value;
    sum += value;
  }
  normalise(r, out, n, sum, norm);
}

/// What goes past the mask: fp32, rounded, or null.
struct Dropped {
  Mask mask;
  float* x;
  uint16_t* rounded;
};

MAQUE_KERNEL(kThreads)
norm_rows_backward(const float* x, const float* gamma, const float* mean, const float* rstd, const float* dy,
                   int64_t rows, int64_t n, float* dx, Dropped past) {
  const Row r(rows, n);
  const float mu = r.inside ? mean[r.row] : 0.0f, scale = r.inside ? rstd[r.row] : 0.0f;
  x += r.row * n, dy += r.row * n, dx += r.row * n;
  float sum = 0, sum_xhat = 0;
  for (int64_t j = r.lane; j < r.n; j += kLanes) {
    const float g = dy[j] * gamma[j];
    sum += g;
    sum_xhat = math::fma(g, (x[j] - mu) * scale, sum_xhat);
  }
  const float mean_g = fold_lanes(sum) / static_cast<float>(n);
  const float mean_gx = fold_lanes(sum_xhat) / static_cast<float>(n);
  for (int64_t j = r.lane; j < r.n; j += kLanes) {
    const float xhat = (x[j] - mu) * scale;
    const float d = scale * math::fma(-xhat, mean_gx, dy[j] * gamma[j] - mean_g);
    dx[j] = d;
    if (past.x == nullptr && past.rounded == nullptr) continue;
    const int64_t e = r.row * n + j;
    const float kept = dropped(past.mask, e, d);
    if (past.x != nullptr) past.x[e] = kept;
    if (past.rounded != nullptr) past.rounded[e] = to_bf16(kept);
  }
}

struct ParameterTerms {
  static constexpr int32_t outputs = 2;
  const float *x, *mean, *rstd, *dy;
  int64_t n;
  MAQUE_DEVICE void add(int64_t i, int64_t j, float* sums) const {
    const float d = dy[i * n + j];
    sums[0] = math::fma(d, (x[i * n + j] - mean[i]) * rstd[i], sums[0]);
    sums[1] += d;
  }
};

Launch over_rows(const char* name, int64_t rows, Stream stream) {
  return {name, {blocks_for(rows, kRowsABlock), 1, 1}, kThreads, 0, stream};
}

}  // namespace

Code layer_norm_forward(Stream stream, const float* x, const float* gamma, const float* beta, float eps,
                        int64_t rows, int64_t n, float* y, float* mean, float* rstd) {
  if (rows == 0) return kSuccess;
  const Norm norm = {gamma, beta, eps, y, mean, rstd, nullptr, Mask{}};
  return launch(over_rows("layer_norm_forward", rows, stream), norm_rows, x, rows, n, norm);
}

Code layer_norm_residual_forward(Stream stream, const float* x, const Dropout& dropout, const float* residual,
                                 const float* gamma, const float* beta, float eps, int64_t rows, int64_t n,
                                 float* sum, float* y, uint16_t* y_bf16, float* mean, float* rstd) {
  if (rows == 0) return kSuccess;
  const Norm norm = {gamma, beta, eps, y, mean, rstd, y_bf16, Mask{}};
  return launch(over_rows("layer_norm_residual_forward", rows, stream), norm_residual_rows, x,
                make_mask(dropout), residual, rows, n, sum, norm);
}

Code embedding_norm_forward(Stream stream, const EmbeddingTables& tables, const EmbeddingIds& ids,
                            const float* gamma, const float* beta, float eps, const Dropout& dropout,
                            int64_t rows, int64_t n, float* sum, float* y, uint16_t* y_bf16, float* mean,
                            float* rstd) {
  if (rows == 0) return kSuccess;
  const Norm norm = {gamma, beta, eps, y, mean, rstd, y_bf16, make_mask(dropout)};
  return launch(over_rows("embedding_norm_forward", rows, stream), norm_embedded_rows, tables, ids, rows, n,
                sum, norm);
}

Code layer_norm_backward(Stream stream, const float* x, const float* gamma, const float* mean,
                         const float* rstd, const float* dy, int64_t rows, int64_t n, float* dx) {
  if (rows == 0) return kSuccess;
  return launch(over_rows("layer_norm_backward", rows, stream), norm_rows_backward, x, gamma, mean, rstd, dy,
                rows, n, dx, Dropped{Mask{}, nullptr, nullptr});
}

Code layer_norm_residual_backward(Stream stream, const float* sum, const float* gamma, const float* mean,
                                  const float* rstd, const Dropout& dropout, const float* dy, int64_t rows,
                                  int64_t n, float* d_residual, float* dx, uint16_t* dx_bf16) {
  if (rows == 0) return kSuccess;
  return launch(over_rows("layer_norm_residual_backward", rows, stream), norm_rows_backward, sum, gamma, mean,
                rstd, dy, rows, n, d_residual, Dropped{make_mask(dropout), dx, dx_bf16});
}

Code layer_norm_params_backward(Stream stream, const float* x, const float* mean, const float* rstd,
                                const float* dy, int64_t rows, int64_t n, float* dgamma, float* dbeta,
                                float* scratch) {
  const ParameterTerms terms = {x, mean, rstd, dy, n};
  return sum_rows("layer_norm_params_backward", stream, terms, rows, n, {{dgamma, dbeta}}, scratch);
}

}  // namespace maque::cuda
