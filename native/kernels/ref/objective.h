#pragma once
#include "kernels/math.h"
#include "kernels/objective.h"

namespace maque::ref {

/// Numerator exp((x - max) / temperature) of a softmax, and what the whole row shares.
template <class T>
struct SoftmaxRow {
  const T* x;
  T temperature, max, sum;
  int64_t argmax;

  SoftmaxRow(const T* row, int64_t n, T temp) : x(row), temperature(temp), max(row[0]), sum(0), argmax(0) {
    for (int64_t c = 1; c < n; ++c) {
      if (!(x[c] > max)) continue;
      max = x[c];
      argmax = c;
    }
    for (int64_t c = 0; c < n; ++c) sum += math::exp(exponent(c));
  }
  T exponent(int64_t c) const { return (x[c] - max) / temperature; }
  T probability(int64_t c) const { return math::exp(exponent(c)) / sum; }
};

/// Hard loss of one row; adds coefficient * (softmax(s) - 1_y) to d (where not null) and its squares to
/// `squares`.
template <class T>
T cross_entropy_row(const SoftmaxRow<T>& s, int64_t n, int32_t label, T coefficient, T* d, T* squares) {
  for (int64_t c = 0; c < n; ++c) {
    const T g = coefficient * (s.probability(c) - T(c == label));
    *squares = math::fma(g, g, *squares);
    if (d != nullptr) d[c] = g;
  }
  return math::log(s.sum) - s.exponent(label);
}

/// Adds the squared errors of one row to *sum, and coefficient * (s - t) to d.
template <class T>
void squared_error_row(const T* s, const T* t, int64_t n, T coefficient, T* d, T* squares, T* sum) {
  for (int64_t c = 0; c < n; ++c) {
    const T difference = s[c] - t[c];
    *sum = math::fma(difference, difference, *sum);
    const T g = coefficient * difference;
    *squares = math::fma(g, g, *squares);
    if (d != nullptr) d[c] += g;
  }
}

/// KL(softmax(t) || softmax(s)) of one row at the temperature of both; adds coefficient * (softmax(s) -
/// softmax(t)) to d.
template <class T>
T divergence_row(const SoftmaxRow<T>& s, const SoftmaxRow<T>& t, int64_t n, T coefficient, T* d, T* squares) {
  const T shift = math::log(s.sum / t.sum);
  T divergence = 0;
  for (int64_t c = 0; c < n; ++c) {
    const T target = t.probability(c);
    divergence = math::fma(target, (t.exponent(c) - s.exponent(c)) + shift, divergence);
    const T g = coefficient * (s.probability(c) - target);
    *squares = math::fma(g, g, *squares);
    if (d != nullptr) d[c] += g;
  }
  return divergence;
}

template <class T>
void objective(const T* logits, int64_t batch, int64_t classes, const int32_t* labels, const T* class_weights,
               const T* soft, const int32_t* has_soft, const ObjectiveWeights<T>& weights, T* d_logits,
               ObjectiveReport<T>* report) {
  const bool mse = weights.soft_loss == SoftLoss::mse;
  if (weights.soft_loss == SoftLoss::none) soft = nullptr;
  ObjectiveReport<T> r = {};
  T weight_sum = 0;
  for (int64_t i = 0; i < batch; ++i) {
    if (labels != nullptr && labels[i] >= 0) {
      ++r.labelled;
      weight_sum += class_weights != nullptr ? class_weights[labels[i]] : T(1);
    }
    if (soft != nullptr && (has_soft == nullptr || has_soft[i] != 0)) ++r.with_soft;
  }
  const T temperature = weights.temperature;
  const T mse_count = T(r.with_soft) * T(classes);
  const T soft_coefficient =
      mse ? T(2) * weights.soft_weight / mse_count : weights.soft_weight * temperature / T(r.with_soft);
  T ce_squares = 0, soft_squares = 0;
  for (int64_t i = 0; i < batch; ++i) {
    const T* s = logits + i * classes;
    const T* t = soft != nullptr ? soft + i * classes : nullptr;
    T* d = d_logits != nullptr ? d_logits + i * classes : nullptr;
    for (int64_t c = 0; d != nullptr && c < classes; ++c) d[c] = 0;
    if (labels != nullptr && labels[i] >= 0) {
      const SoftmaxRow<T> row(s, classes, T(1));
      const T w = class_weights != nullptr ? class_weights[labels[i]] : T(1);
      const T share = weight_sum > T(0) ? w / weight_sum : T(0);
      const T term = cross_entropy_row(row, classes, labels[i], weights.ce_weight * share, d, &ce_squares);
      r.ce = math::fma(w, term, r.ce);
      r.correct += row.argmax == labels[i];
    }
    if (t == nullptr || (has_soft != nullptr && has_soft[i] == 0)) continue;
    if (mse) {
      squared_error_row(s, t, classes, soft_coefficient, d, &soft_squares, &r.soft);
    } else {
      r.soft += divergence_row(SoftmaxRow<T>(s, classes, temperature), SoftmaxRow<T>(t, classes, temperature),
                               classes, soft_coefficient, d, &soft_squares);
    }
  }
  r.ce = weight_sum > T(0) ? r.ce / weight_sum : T(0);
  if (r.with_soft > 0)
    r.soft = mse ? r.soft / mse_count : temperature * temperature * r.soft / T(r.with_soft);
  r.loss = weights.ce_weight * r.ce + weights.soft_weight * r.soft;
  r.ce_grad_norm = math::sqrt(ce_squares);
  r.soft_grad_norm = math::sqrt(soft_squares);
  *report = r;
}

}  // namespace maque::ref
