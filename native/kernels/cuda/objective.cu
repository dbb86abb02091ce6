#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/objective.h"
#include "kernels/math.h"

namespace maque::cuda {
namespace {

constexpr int32_t kThreads = 128;

/// objective_fn's arguments, by value.
struct Batch {
  const float* logits;
  int64_t batch, classes;
  const int32_t* labels;
  const float *class_weights, *soft;
  const int32_t* has_soft;
  ObjectiveWeights<float> weights;
  float* d_logits;

  MAQUE_DEVICE bool labelled(int64_t i) const { return labels != nullptr && labels[i] >= 0; }
  MAQUE_DEVICE bool with_soft(int64_t i) const {
    const bool wanted = soft != nullptr && weights.soft_loss != SoftLoss::none;
    return wanted && (has_soft == nullptr || has_soft[i] != 0);
  }
  MAQUE_DEVICE float weight(int64_t i) const {
    return class_weights != nullptr ? class_weights[labels[i]] : 1.0f;
  }
};

/// What a row adds to the report.
struct RowTerms {
  float weight, ce, soft, ce_squares, soft_squares;
  int32_t labelled, with_soft, correct;
};

struct Coefficients {
  float ce_count, soft_count, soft_gradient;
};

/// Softmax of a row at a temperature.
struct Softmax {
  const float* x;
  float temperature, max, sum;
  int64_t argmax;

  MAQUE_DEVICE Softmax(const float* row, int64_t n, float t)
      : x(row), temperature(t), max(row[0]), sum(0), argmax(0) {
    for (int64_t c = 1; c < n; ++c) {
      if (!(x[c] > max)) continue;
      max = x[c];
      argmax = c;
    }
    for (int64_t c = 0; c < n; ++c) sum += math::exp(exponent(c));
  }
  MAQUE_DEVICE float exponent(int64_t c) const { return (x[c] - max) / temperature; }
  MAQUE_DEVICE float probability(int64_t c) const { return math::exp(exponent(c)) / sum; }
};

MAQUE_DEVICE void add_gradient(float g, float* d, int64_t c, float* squares) {
  *squares = math::fma(g, g, *squares);
  if (d != nullptr) d[c] += g;
}

MAQUE_DEVICE void cross_entropy(const Batch& x, int64_t i, float ce_count, float* d, RowTerms* r) {
  const Softmax row(x.logits + i * x.classes, x.classes, 1.0f);
  const int32_t label = x.labels[i];
  const float coefficient = x.weights.ce_weight * (r->weight / ce_count);
  for (int64_t c = 0; c < x.classes; ++c)
    add_gradient(coefficient * (row.probability(c) - static_cast<float>(c == label)), d, c, &r->ce_squares);
  r->correct = row.argmax == label;
  r->ce = math::log(row.sum) - row.exponent(label);
}

MAQUE_DEVICE void squared_error(const Batch& x, int64_t i, float coefficient, float* d, RowTerms* r) {
  const float *s = x.logits + i * x.classes, *t = x.soft + i * x.classes;
  for (int64_t c = 0; c < x.classes; ++c) {
    const float difference = s[c] - t[c];
    r->soft = math::fma(difference, difference, r->soft);
    add_gradient(coefficient * difference, d, c, &r->soft_squares);
  }
}

MAQUE_DEVICE void divergence(const Batch& x, int64_t i, float coefficient, float* d, RowTerms* r) {
  const Softmax student(x.logits + i * x.classes, x.classes, x.weights.temperature);
  const Softmax teacher(x.soft + i * x.classes, x.classes, x.weights.temperature);
  const float shift = math::log(student.sum / teacher.sum);
  for (int64_t c = 0; c < x.classes; ++c) {
    const float target = teacher.probability(c);
    r->soft = math::fma(target, (teacher.exponent(c) - student.exponent(c)) + shift, r->soft);
    add_gradient(coefficient * (student.probability(c) - target), d, c, &r->soft_squares);
  }
}

/// Which terms row i has.
MAQUE_DEVICE RowTerms count_row(const Batch& x, int64_t i) {
  RowTerms r = {};
  if (i >= x.batch) return r;
  r.labelled = x.labelled(i);
  r.weight = r.labelled ? x.weight(i) : 0.0f;
  r.with_soft = x.with_soft(i);
  return r;
}

/// The terms themselves, and the row's gradient.
MAQUE_DEVICE RowTerms evaluate_row(const Batch& x, int64_t i, const Coefficients& k) {
  RowTerms r = count_row(x, i);
  if (i >= x.batch) return r;
  float* d = x.d_logits != nullptr ? x.d_logits + i * x.classes : nullptr;
  if (d != nullptr) {
    for (int64_t c = 0; c < x.classes; ++c) d[c] = 0;
  }
  if (r.labelled) cross_entropy(x, i, k.ce_count, d, &r);
  if (r.with_soft && x.weights.soft_loss == SoftLoss::mse) squared_error(x, i, k.soft_gradient, d, &r);
  if (r.with_soft && x.weights.soft_loss == SoftLoss::kl) divergence(x, i, k.soft_gradient, d, &r);
  return r;
}

/// Adds a row to the report; weight_sum only counts.
MAQUE_DEVICE void add_row(const RowTerms& row, float* weight_sum, float* squares, ObjectiveReport<float>* r) {
  r->labelled += row.labelled;
  r->with_soft += row.with_soft;
  r->correct += row.correct;
  if (row.labelled) {
    *weight_sum += row.weight;
    r->ce = math::fma(row.weight, row.ce, r->ce);
  }
  if (row.with_soft) r->soft += row.soft;
  squares[0] += row.ce_squares;
  squares[1] += row.soft_squares;
}

MAQUE_DEVICE Coefficients coefficients_of(const Batch& x, const ObjectiveReport<float>& counted,
                                          float weight_sum) {
  const bool mse = x.weights.soft_loss == SoftLoss::mse;
  const auto soft_rows = static_cast<float>(counted.with_soft > 0 ? counted.with_soft : 1);
  Coefficients k;
  k.soft_count = mse ? soft_rows * static_cast<float>(x.classes) : soft_rows;
  k.soft_gradient = x.weights.soft_weight * (mse ? 2.0f : x.weights.temperature) / k.soft_count;
  k.ce_count = weight_sum > 0 ? weight_sum : 1.0f;
  return k;
}

MAQUE_DEVICE void finish(const Batch& x, const Coefficients& k, const float* squares,
                         ObjectiveReport<float>* r) {
  const float t = x.weights.temperature;
  r->ce = r->ce / k.ce_count;
  r->soft = (x.weights.soft_loss == SoftLoss::mse ? r->soft : t * t * r->soft) / k.soft_count;
  r->loss = x.weights.ce_weight * r->ce + x.weights.soft_weight * r->soft;
  r->ce_grad_norm = math::sqrt(squares[0]);
  r->soft_grad_norm = math::sqrt(squares[1]);
}

/// One block. Its first pass counts, its second evaluates; thread 0 adds the rows of each, in order.
MAQUE_KERNEL(kThreads) evaluate_objective(Batch x, ObjectiveReport<float>* report) {
  SharedMemory memory;
  const Shared<RowTerms> rows = memory.take<RowTerms>(kThreads);
  const Shared<Coefficients> shared = memory.take<Coefficients>(1);
  const int32_t t = thread_x();
  ObjectiveReport<float> r = {};
  Coefficients k = {};
  float squares[2] = {};
  for (int32_t pass = 0; pass < 2; ++pass) {
    float weight_sum = 0;
    r = {};
    for (int64_t first = 0; first < x.batch; first += kThreads) {
      rows[t] = pass == 0 ? count_row(x, first + t) : evaluate_row(x, first + t, k);
      sync_threads();
      for (int32_t i = 0; t == 0 && i < kThreads && first + i < x.batch; ++i)
        add_row(rows[i], &weight_sum, squares, &r);
      sync_threads();
    }
    if (pass == 1) break;
    if (t == 0) shared[0] = coefficients_of(x, r, weight_sum);
    sync_threads();
    k = shared[0];
  }
  if (t != 0) return;
  finish(x, k, squares, &r);
  *report = r;
}

}  // namespace

Code objective(Stream stream, const float* logits, int64_t batch, int64_t classes, const int32_t* labels,
               const float* class_weights, const float* soft, const int32_t* has_soft,
               const ObjectiveWeights<float>& weights, float* d_logits, ObjectiveReport<float>* report) {
  const int64_t bytes = shared_bytes<RowTerms>(kThreads) + shared_bytes<Coefficients>(1);
  const Launch shape = {"objective", {1, 1, 1}, kThreads, bytes, stream};
  const Batch x = {logits, batch, classes, labels, class_weights, soft, has_soft, weights, d_logits};
  return launch(shape, evaluate_objective, x, report);
}

}  // namespace maque::cuda
