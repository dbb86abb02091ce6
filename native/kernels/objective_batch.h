// What ref/ and simd/ share of the objective: which rows count, the weights of their terms, the means. Always
// inlined, so that each flavour has its own copy.
#pragma once
#include "core/attributes.h"
#include "kernels/math.h"
#include "kernels/objective.h"

namespace maque {

/// The arguments of objective_fn.
template <class T>
struct ObjectiveBatch {
  const T* logits;
  int64_t batch, classes;
  const int32_t* labels;
  const T* class_weights;
  const T* soft;
  const int32_t* has_soft;
  const ObjectiveWeights<T>& weights;
  T* d_logits;

  MAQUE_INLINE bool labelled(int64_t i) const { return labels != nullptr && labels[i] >= 0; }
  MAQUE_INLINE bool with_soft(int64_t i) const {
    const bool wanted = soft != nullptr && weights.soft_loss != SoftLoss::none;
    return wanted && (has_soft == nullptr || has_soft[i] != 0);
  }
  MAQUE_INLINE T weight(int64_t i) const {
    return class_weights != nullptr ? class_weights[labels[i]] : T(1);
  }
};

/// Rows gives the work on one row, each adding coefficient times its gradient to d (where not null) and the
/// gradient's squares to *squares:
///   cross_entropy(s, n, label, coefficient, d, squares, &correct) -> term
///   squared_error(s, t, n, coefficient, d, squares, &sum)
///   divergence(s, t, n, temperature, coefficient, d, squares) -> term
template <class Rows, class T>
MAQUE_INLINE void objective_of_batch(const ObjectiveBatch<T>& x, ObjectiveReport<T>* report) {
  ObjectiveReport<T> r = {};
  T weight_sum = 0;
  for (int64_t i = 0; i < x.batch; ++i) {
    if (x.labelled(i)) {
      ++r.labelled;
      weight_sum += x.weight(i);
    }
    r.with_soft += x.with_soft(i);
  }
  const bool mse = x.weights.soft_loss == SoftLoss::mse;
  const T temperature = x.weights.temperature;
  const T soft_rows = T(r.with_soft > 0 ? r.with_soft : 1);
  const T soft_count = mse ? soft_rows * T(x.classes) : soft_rows;
  const T soft_coefficient = x.weights.soft_weight * (mse ? T(2) : temperature) / soft_count;
  const T ce_count = weight_sum > T(0) ? weight_sum : T(1);
  T ce_squares = 0, soft_squares = 0;
  for (int64_t i = 0; i < x.batch; ++i) {
    const int64_t n = x.classes;
    const T* s = x.logits + i * n;
    T* d = x.d_logits != nullptr ? x.d_logits + i * n : nullptr;
    if (d != nullptr) __builtin_memset(d, 0, static_cast<size_t>(n) * sizeof(T));
    if (x.labelled(i)) {
      const T coefficient = x.weights.ce_weight * (x.weight(i) / ce_count);
      bool correct = false;
      const T term = Rows::cross_entropy(s, n, x.labels[i], coefficient, d, &ce_squares, &correct);
      r.ce = math::fma(x.weight(i), term, r.ce);
      r.correct += correct;
    }
    if (!x.with_soft(i)) continue;
    const T* t = x.soft + i * n;
    if (mse) {
      Rows::squared_error(s, t, n, soft_coefficient, d, &soft_squares, &r.soft);
    } else {
      r.soft += Rows::divergence(s, t, n, temperature, soft_coefficient, d, &soft_squares);
    }
  }
  r.ce = r.ce / ce_count;
  r.soft = (mse ? r.soft : temperature * temperature * r.soft) / soft_count;
  r.loss = x.weights.ce_weight * r.ce + x.weights.soft_weight * r.soft;
  r.ce_grad_norm = math::sqrt(ce_squares);
  r.soft_grad_norm = math::sqrt(soft_squares);
  *report = r;
}

}  // namespace maque
