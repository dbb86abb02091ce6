#include "kernels/bf16.h"
#include "kernels/cuda/chains.h"
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/lanes.h"
#include "kernels/cuda/optimizer.h"
#include "kernels/math.h"

namespace maque::cuda {
namespace {

constexpr uint32_t kThreads = 256;
constexpr int64_t kPiecesABlock = kThreads / kLanes;

struct Adam {
  float decay, rate, gain1, gain2, beta2, eps, sqrt_correction2, scale;
};

Adam adam_of(double beta1, double beta2, float eps, float sqrt_correction2) {
  return {0,
          0,
          static_cast<float>(1 - beta1),
          static_cast<float>(1 - beta2),
          static_cast<float>(beta2),
          eps,
          sqrt_correction2,
          1.0f};
}

MAQUE_DEVICE void adam_element(const Adam& a, float* w, float grad, float* m, float* v) {
  const float g = a.scale * grad;
  *m = math::fma(a.gain1, g - *m, *m);
  *v = math::fma(a.beta2, *v, a.gain2 * (g * g));
  const float kept = math::fma(-a.decay, *w, *w);
  *w = math::fma(-a.rate, *m / (math::sqrt(*v) / a.sqrt_correction2 + a.eps), kept);
}

MAQUE_KERNEL(kElementThreads)
adam_elements(Adam a, float* w, const float* grad, float* m, float* v, int64_t n) {
  const int64_t i = element_index();
  if (i < n) adam_element(a, w + i, grad[i], m + i, v + i);
}

/// Piece p of all, a row being one too: n elements of w, grad and state.
struct Slice {
  float* w;
  const float* grad;
  float *first, *second;
  int64_t n;
  double rate_scale;
  float weight_decay;
};

MAQUE_DEVICE Slice slice_of(const TrainedPieces& all, int64_t p) {
  const bool row = p >= all.count;
  const TensorPiece piece = row ? TensorPiece{all.rows.tensor, static_cast<int32_t>(all.rows.width),
                                              all.rows.ids[p - all.count] * all.rows.width}
                                : all.pieces[p];
  const TrainedTensor& t = all.tensors[piece.tensor];
  return {t.w + piece.begin,
          row ? all.rows.values + (p - all.count) * all.rows.width : t.grad + piece.begin,
          t.first == nullptr ? nullptr : t.first + piece.begin,
          t.second == nullptr ? nullptr : t.second + piece.begin,
          piece.n,
          t.rate_scale,
          t.weight_decay};
}

MAQUE_DEVICE bool is_stopped(const ClipReport* report) { return report != nullptr && report->stopped != 0; }

/// A block a piece.
MAQUE_KERNEL(kThreads)
adam_pieces(Adam a, TrainedPieces all, const StepScalars* scalars, const ClipReport* report) {
  if (is_stopped(report)) return;
  const Slice s = slice_of(all, block_x());
  const auto lr = static_cast<float>(scalars->rate * s.rate_scale);
  a.decay = lr * s.weight_decay;
  a.rate = lr / scalars->correction1;
  a.sqrt_correction2 = scalars->sqrt_correction2;
  a.scale = report != nullptr ? report->scale : 1.0f;
  for (int64_t i = thread_x(); i < s.n; i += threads_x())
    adam_element(a, s.w + i, s.grad[i], s.first + i, s.second + i);
}

struct Sgd {
  float rate, momentum, weight_decay, scale;
};

/// buf: null without momentum.
MAQUE_DEVICE void sgd_element(const Sgd& a, float* w, float grad, float* buf) {
  float g = math::fma(a.weight_decay, *w, a.scale * grad);
  if (buf != nullptr) g = *buf = math::fma(a.momentum, *buf, g);
  *w = math::fma(-a.rate, g, *w);
}

MAQUE_KERNEL(kElementThreads) sgd_elements(Sgd a, float* w, const float* grad, float* buf, int64_t n) {
  const int64_t i = element_index();
  if (i < n) sgd_element(a, w + i, grad[i], buf == nullptr ? nullptr : buf + i);
}

/// A block a piece.
MAQUE_KERNEL(kThreads)
sgd_pieces(Sgd a, TrainedPieces all, const StepScalars* scalars, const ClipReport* report) {
  if (is_stopped(report)) return;
  const Slice s = slice_of(all, block_x());
  a.rate = static_cast<float>(scalars->rate * s.rate_scale);
  a.weight_decay = s.weight_decay;
  a.scale = report != nullptr ? report->scale : 1.0f;
  for (int64_t i = thread_x(); i < s.n; i += threads_x())
    sgd_element(a, s.w + i, s.grad[i], s.first == nullptr ? nullptr : s.first + i);
}

MAQUE_KERNEL(kElementThreads) add_elements(const float* x, int64_t n, float* y) {
  const int64_t i = element_index();
  if (i < n) y[i] += x[i];
}

/// Half a warp a piece.
MAQUE_KERNEL(kThreads) square_pieces(TrainedPieces all, int64_t count, float* partial_sums) {
  const int64_t p = static_cast<int64_t>(block_x()) * kPiecesABlock + thread_x() / kLanes;
  const Slice s = p < count ? slice_of(all, p) : Slice{};
  float sum = 0;
  for (int64_t i = thread_x() % kLanes; i < s.n; i += kLanes) sum = math::fma(s.grad[i], s.grad[i], sum);
  const float total = fold_lanes(sum);
  if (p < count && thread_x() % kLanes == 0) partial_sums[p] = total;
}

MAQUE_DEVICE bool is_finite(double x) { return x - x == 0; }

MAQUE_DEVICE void finish_norm(double squares, double clip_norm, const float* loss, ClipReport* report) {
  const bool finite = loss == nullptr || is_finite(static_cast<double>(*loss));
  const double norm = finite ? math::sqrt(squares) : 0.0;
  const double clip = clip_norm / (norm + 1e-6);
  report->norm = norm;
  report->scale = clip_norm > 0 && clip < 1 ? static_cast<float>(clip) : 1.0f;
  if (!finite || !is_finite(norm)) report->stopped = 1;
}

/// One block: each thread a chain of every kThreads-th sum, the chains folded.
MAQUE_KERNEL(kThreads)
fold_squares(const float* partial_sums, int64_t count, double clip_norm, const float* loss,
             ClipReport* report) {
  SharedMemory memory;
  const Shared<double> sums = memory.take<double>(kThreads);
  const int32_t t = thread_x();
  double sum = 0;
  for (int64_t i = t; i < count; i += threads_x()) sum += static_cast<double>(partial_sums[i]);
  sums[t] = sum;
  sync_threads();
  for (int32_t half = kThreads / 2; half > 0; half /= 2) {
    if (t < half) sums[t] += sums[t + half];
    sync_threads();
  }
  if (t == 0) finish_norm(sums[0], clip_norm, loss, report);
}

MAQUE_DEVICE float as_float(float x) { return x; }
MAQUE_DEVICE float as_float(uint16_t x) { return from_bf16(x); }

template <class T>
struct ColumnTerms {
  static constexpr int32_t outputs = 1;
  const T* x;
  int64_t ldx;
  MAQUE_DEVICE void add(int64_t i, int64_t j, float* sums) const { sums[0] += as_float(x[i * ldx + j]); }
};

}  // namespace

Code sgd_step(Stream stream, float* w, const float* grad, float* buf, int64_t n, float lr, float momentum,
              float weight_decay, float scale) {
  if (n == 0) return kSuccess;
  return launch(over_elements("sgd_step", n, stream), sgd_elements, Sgd{lr, momentum, weight_decay, scale}, w,
                grad, buf, n);
}

Code adam_step(Stream stream, float* w, const float* grad, float* m, float* v, int64_t n, float lr,
               double beta1, double beta2, float eps, float weight_decay, float correction1,
               float sqrt_correction2, float scale) {
  if (n == 0) return kSuccess;
  Adam a = adam_of(beta1, beta2, eps, sqrt_correction2);
  a.decay = lr * weight_decay;
  a.rate = lr / correction1;
  a.scale = scale;
  return launch(over_elements("adam_step", n, stream), adam_elements, a, w, grad, m, v, n);
}

Code adam_step_all(Stream stream, const TrainedPieces& pieces, double beta1, double beta2, float eps,
                   const StepScalars* scalars, const ClipReport* report) {
  if (pieces.sums() == 0) return kSuccess;
  const Launch shape = {"adam_step_all", {blocks_for(pieces.sums(), 1), 1, 1}, kThreads, 0, stream};
  return launch(shape, adam_pieces, adam_of(beta1, beta2, eps, 1.0f), pieces, scalars, report);
}

Code sgd_step_all(Stream stream, const TrainedPieces& pieces, float momentum, const StepScalars* scalars,
                  const ClipReport* report) {
  if (pieces.sums() == 0) return kSuccess;
  const Launch shape = {"sgd_step_all", {blocks_for(pieces.sums(), 1), 1, 1}, kThreads, 0, stream};
  return launch(shape, sgd_pieces, Sgd{0, momentum, 0, 1.0f}, pieces, scalars, report);
}

Code global_norm(Stream stream, const TrainedPieces& pieces, double clip_norm, const float* loss,
                 float* partial_sums, ClipReport* report) {
  const int64_t count = pieces.sums();
  if (count > 0) {
    const Launch squares = {"global_norm", {blocks_for(count, kPiecesABlock), 1, 1}, kThreads, 0, stream};
    const Code code = launch(squares, square_pieces, pieces, count, partial_sums);
    if (code != kSuccess) return code;
  }
  const Launch fold = {"global_norm", {1, 1, 1}, kThreads, shared_bytes<double>(kThreads), stream};
  return launch(fold, fold_squares, static_cast<const float*>(partial_sums), count, clip_norm, loss, report);
}

Code column_sums(Stream stream, const float* x, int64_t ldx, int64_t rows, int64_t n, float* sums,
                 float* scratch) {
  return sum_rows("column_sums", stream, ColumnTerms<float>{x, ldx}, rows, n, {{sums}}, scratch);
}

Code column_sums_bf16(Stream stream, const uint16_t* x, int64_t ldx, int64_t rows, int64_t n, float* sums,
                      float* scratch) {
  return sum_rows("column_sums_bf16", stream, ColumnTerms<uint16_t>{x, ldx}, rows, n, {{sums}}, scratch);
}

Code add(Stream stream, const float* x, int64_t n, float* y) {
  if (n == 0) return kSuccess;
  return launch(over_elements("add", n, stream), add_elements, x, n, y);
}

}  // namespace maque::cuda
