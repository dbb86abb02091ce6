#pragma once
#include "kernels/objective.h"
#include "kernels/objective_batch.h"

namespace maque::ref {

/// Numerators exp((x - max) / temperature) of a softmax, and what the whole row shares.
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

template <class T>
void add_gradient(T g, T* d, int64_t c, T* squares) {
  *squares = math::fma(g, g, *squares);
  if (d != nullptr) d[c] += g;
}

/// The rows' work for objective_of_batch.
struct ObjectiveRows {
  template <class T>
  static T cross_entropy(const T* s, int64_t n, int32_t label, T coefficient, T* d, T* squares,
                         bool* correct) {
    const SoftmaxRow<T> row(s, n, T(1));
    for (int64_t c = 0; c < n; ++c) {
      add_gradient(coefficient * (row.probability(c) - T(c == label)), d, c, squares);
    }
    *correct = row.argmax == label;
    return math::log(row.sum) - row.exponent(label);
  }

  template <class T>
  static void squared_error(const T* s, const T* t, int64_t n, T coefficient, T* d, T* squares, T* sum) {
    for (int64_t c = 0; c < n; ++c) {
      const T difference = s[c] - t[c];
      *sum = math::fma(difference, difference, *sum);
      add_gradient(coefficient * difference, d, c, squares);
    }
  }

  template <class T>
  static T divergence(const T* s, const T* t, int64_t n, T temperature, T coefficient, T* d, T* squares) {
    const SoftmaxRow<T> student(s, n, temperature), teacher(t, n, temperature);
    const T shift = math::log(student.sum / teacher.sum);
    T divergence = 0;
    for (int64_t c = 0; c < n; ++c) {
      const T target = teacher.probability(c);
      divergence = math::fma(target, (teacher.exponent(c) - student.exponent(c)) + shift, divergence);
      add_gradient(coefficient * (student.probability(c) - target), d, c, squares);
    }
    return divergence;
  }
};

template <class T>
void objective(const T* logits, int64_t batch, int64_t classes, const int32_t* labels, const T* class_weights,
               const T* soft, const int32_t* has_soft, const ObjectiveWeights<T>& weights, T* d_logits,
               ObjectiveReport<T>* report) {
  objective_of_batch<ObjectiveRows, T>(
      {logits, batch, classes, labels, class_weights, soft, has_soft, weights, d_logits}, report);
}

}  // namespace maque::ref
