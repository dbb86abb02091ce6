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

/// A block a piece.
MAQUE_KERNEL(kThreads)
adam_pieces(Adam a, float correction1, const TrainedTensor* tensors, const TensorPiece* pieces,
            const ClipReport* report) {
  const TensorPiece piece = pieces[block_x()];
  const TrainedTensor t = tensors[piece.tensor];
  a.decay = t.lr * t.weight_decay;
  a.rate = t.lr / correction1;
  a.scale = report != nullptr ? report->scale : 1.0f;
  for (int64_t i = piece.begin + thread_x(); i < piece.begin + piece.n; i += threads_x())
    adam_element(a, t.w + i, t.grad[i], t.m + i, t.v + i);
}

MAQUE_KERNEL(kElementThreads)
sgd_elements(float* w, const float* grad, float* buf, int64_t n, float lr, float momentum, float weight_decay,
             float scale) {
  const int64_t i = element_index();
  if (i >= n) return;
  float g = math::fma(weight_decay, w[i], scale * grad[i]);
  if (buf != nullptr) g = buf[i] = math::fma(momentum, buf[i], g);
  w[i] = math::fma(-lr, g, w[i]);
}

MAQUE_KERNEL(kElementThreads) add_elements(const float* x, int64_t n, float* y) {
  const int64_t i = element_index();
  if (i < n) y[i] += x[i];
}

/// Half a warp a piece.
MAQUE_KERNEL(kThreads)
square_pieces(const TrainedTensor* tensors, const TensorPiece* pieces, int64_t count, float* partial_sums) {
  const int64_t p = static_cast<int64_t>(block_x()) * kPiecesABlock + thread_x() / kLanes;
  const TensorPiece piece = p < count ? pieces[p] : TensorPiece{0, 0, 0};
  const float* x = p < count ? tensors[piece.tensor].grad + piece.begin : nullptr;
  float sum = 0;
  for (int32_t i = thread_x() % kLanes; i < piece.n; i += kLanes) sum = math::fma(x[i], x[i], sum);
  const float total = fold_lanes(sum);
  if (p < count && thread_x() % kLanes == 0) partial_sums[p] = total;
}

/// One block: each thread a chain of every kThreads-th sum, the chains folded.
MAQUE_KERNEL(kThreads)
fold_squares(const float* partial_sums, int64_t count, double clip_norm, ClipReport* report) {
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
  if (t != 0) return;
  const double norm = math::sqrt(static_cast<double>(sums[0]));
  const double clip = clip_norm / (norm + 1e-6);
  report->norm = norm;
  report->scale = clip_norm > 0 && clip < 1 ? static_cast<float>(clip) : 1.0f;
}

struct ColumnTerms {
  static constexpr int32_t outputs = 1;
  const float* x;
  int64_t ldx;
  MAQUE_DEVICE void add(int64_t i, int64_t j, float* sums) const { sums[0] += x[i * ldx + j]; }
};

}  // namespace

Code sgd_step(Stream stream, float* w, const float* grad, float* buf, int64_t n, float lr, float momentum,
              float weight_decay, float scale) {
  if (n == 0) return kSuccess;
  return launch(over_elements("sgd_step", n, stream), sgd_elements, w, grad, buf, n, lr, momentum,
                weight_decay, scale);
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

Code adam_step_all(Stream stream, const TrainedTensor* tensors, const TensorPiece* pieces, int64_t count,
                   double beta1, double beta2, float eps, float correction1, float sqrt_correction2,
                   const ClipReport* report) {
  if (count == 0) return kSuccess;
  const Launch shape = {"adam_step_all", {blocks_for(count, 1), 1, 1}, kThreads, 0, stream};
  return launch(shape, adam_pieces, adam_of(beta1, beta2, eps, sqrt_correction2), correction1, tensors,
                pieces, report);
}

Code global_norm(Stream stream, const TrainedTensor* tensors, const TensorPiece* pieces, int64_t count,
                 double clip_norm, float* partial_sums, ClipReport* report) {
  if (count > 0) {
    const Launch squares = {"global_norm", {blocks_for(count, kPiecesABlock), 1, 1}, kThreads, 0, stream};
    const Code code = launch(squares, square_pieces, tensors, pieces, count, partial_sums);
    if (code != kSuccess) return code;
  }
  const Launch fold = {"global_norm", {1, 1, 1}, kThreads, shared_bytes<double>(kThreads), stream};
  return launch(fold, fold_squares, static_cast<const float*>(partial_sums), count, clip_norm, report);
}

Code column_sums(Stream stream, const float* x, int64_t ldx, int64_t rows, int64_t n, float* sums,
                 float* scratch) {
  return sum_rows("column_sums", stream, ColumnTerms{x, ldx}, rows, n, {{sums}}, scratch);
}

Code add(Stream stream, const float* x, int64_t n, float* y) {
  if (n == 0) return kSuccess;
  return launch(over_elements("add", n, stream), add_elements, x, n, y);
}

}  // namespace maque::cuda
