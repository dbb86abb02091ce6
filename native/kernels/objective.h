// The combined objective of distillation and its gradient with respect to the student's logits s, in one pass.
//
//   L = ce_weight * CE + soft_weight * SOFT
//   CE   = sum_i w[y_i] * -log softmax(s_i)[y_i] / sum_i w[y_i]                over the rows with a label (y_i >= 0)
//   MSE  = sum_i sum_c (s_ic - t_ic)^2 / (rows with soft targets * classes)     (Ba & Caruana; Tang et al., arXiv 1903.12136)
//   KL   = T^2 * sum_i KL(softmax(t_i / T) || softmax(s_i / T)) / rows with soft targets, summed over classes
//                                                                              (Hinton et al., arXiv 1503.02531)
// An empty part is 0 and has gradient 0.
// Gradients: CE: w (softmax(s) - 1_y) / sum w;  MSE: 2 (s - t) / (rows * classes);  KL: T (softmax(s/T) - softmax(t/T)) / rows.
// Sums over classes: one chain for c = 0, 1, ...; sums over rows: one chain for i = 0, 1, ...; sums of products by fma.
// Softmax at temperature T: e_c = (x_c - max x) / T, p_c = exp(e_c) / z, z = sum of exp(e_c); log softmax of y: log z - e_y negated;
// KL's logarithm: (e of t - e of s) + log(z of s / z of t).
// Error bound (fp32): 1e-5 * (1 + |term|) on each term and 1e-5 * weight / rows on each gradient element, for |logits| <= 30, n <= 1000 and classes <= 1000.
#pragma once
#include "core/types.h"

namespace maque {

enum class SoftLoss : int32_t { none, mse, kl };

/// Weights of one step.
template <class T>
struct ObjectiveWeights {
  T ce_weight, soft_weight, temperature;
  SoftLoss soft_loss;
};

/// What one evaluation of the objective returns. *_grad_norm: Euclidean norm over the batch of each weighted term's gradient.
template <class T>
struct ObjectiveReport {
  T loss, ce, soft;  // ce and soft before their weights
  T ce_grad_norm, soft_grad_norm;
  int64_t labelled, with_soft, correct;  // correct: rows with a label whose first maximal logit is it
};

/// logits [batch, classes]; labels [batch] (-1: none) or null; class_weights [classes] or null (all 1); soft [batch, classes]
/// teacher logits or null; has_soft [batch] (0/1) or null (all rows of soft count). d_logits [batch, classes] overwrites; or null.
template <class T>
using objective_fn = void(const T* logits, int64_t batch, int64_t classes, const int32_t* labels, const T* class_weights,
                          const T* soft, const int32_t* has_soft, const ObjectiveWeights<T>& weights, T* d_logits,
                          ObjectiveReport<T>* report);

}  // namespace maque
