#include "kernels/objective.h"

#include "kernels/objective_batch.h"
#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

namespace {

/// sum + x0 + x1 + ..., the first r lanes in order.
float add_in_order(float sum, F x, int64_t r) {
  float lane[kLanes];
  x.store(lane);
  for (int64_t l = 0; l < r; ++l) sum += lane[l];
  return sum;
}

/// sum + x0 y0 + x1 y1 + ..., the first r lanes in order, fused.
float add_products_in_order(float sum, F x, F y, int64_t r) {
  float left[kLanes], right[kLanes];
  x.store(left);
  y.store(right);
  for (int64_t l = 0; l < r; ++l) sum = __builtin_fmaf(left[l], right[l], sum);
  return sum;
}

/// Numerators exp((x - max) / temperature) of a softmax, and what the whole row shares.
struct SoftmaxRow {
  const float* x;
  float temperature, max, sum;
  int64_t argmax;

  SoftmaxRow(const float* row, int64_t n, float temp)
      : x(row), temperature(temp), max(row[0]), sum(0.0f), argmax(0) {
    for (int64_t c = 1; c < n; ++c) {
      if (!(x[c] > max)) continue;
      max = x[c];
      argmax = c;
    }
    for_lanes(n, [&](int64_t c, int64_t r) { sum = add_in_order(sum, math::exp(exponent(c, r)), r); });
  }
  F exponent(int64_t c, int64_t r) const { return (load(x + c, r) - F::set1(max)) / F::set1(temperature); }
  F probability(int64_t c, int64_t r) const { return math::exp(exponent(c, r)) / F::set1(sum); }
};

void add_gradient(F g, float* d, int64_t c, int64_t r, float* squares) {
  *squares = add_products_in_order(*squares, g, g, r);
  if (d != nullptr) store(load(d + c, r) + g, d + c, r);
}

/// The rows' work for objective_of_batch.
struct ObjectiveRows {
  static float cross_entropy(const float* s, int64_t n, int32_t label, float coefficient, float* d,
                             float* squares, bool* correct) {
    const SoftmaxRow row(s, n, 1.0f);
    for_lanes(n, [&](int64_t c, int64_t r) {
      const M is_label = I::iota() == I::set1(static_cast<int32_t>(label - c));
      const F target = select(is_label, F::set1(1.0f), F::zero());
      add_gradient(F::set1(coefficient) * (row.probability(c, r) - target), d, c, r, squares);
    });
    *correct = row.argmax == label;
    return math::log(row.sum) - (s[label] - row.max);
  }

  static void squared_error(const float* s, const float* t, int64_t n, float coefficient, float* d,
                            float* squares, float* sum) {
    for_lanes(n, [&](int64_t c, int64_t r) {
      const F difference = load(s + c, r) - load(t + c, r);
      *sum = add_products_in_order(*sum, difference, difference, r);
      add_gradient(F::set1(coefficient) * difference, d, c, r, squares);
    });
  }

  static float divergence(const float* s, const float* t, int64_t n, float temperature, float coefficient,
                          float* d, float* squares) {
    const SoftmaxRow student(s, n, temperature), teacher(t, n, temperature);
    const F shift = F::set1(math::log(student.sum / teacher.sum));
    float divergence = 0.0f;
    for_lanes(n, [&](int64_t c, int64_t r) {
      const F target = teacher.probability(c, r);
      const F logarithm = (teacher.exponent(c, r) - student.exponent(c, r)) + shift;
      divergence = add_products_in_order(divergence, target, logarithm, r);
      add_gradient(F::set1(coefficient) * (student.probability(c, r) - target), d, c, r, squares);
    });
    return divergence;
  }
};

}  // namespace

void objective(const float* logits, int64_t batch, int64_t classes, const int32_t* labels,
               const float* class_weights, const float* soft, const int32_t* has_soft,
               const ObjectiveWeights<float>& weights, float* d_logits, ObjectiveReport<float>* report) {
  objective_of_batch<ObjectiveRows, float>(
      {logits, batch, classes, labels, class_weights, soft, has_soft, weights, d_logits}, report);
}

}  // namespace maque::MAQUE_ISA
