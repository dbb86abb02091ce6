// The combined objective of distillation and its gradient with respect to the student's logits s.
//
//   L    = ce_weight * CE + soft_weight * SOFT
//   CE   = sum_i w[y_i] * -log softmax(s_i)[y_i] / sum_i w[y_i], over the rows with a label (y_i >= 0)
//   MSE  = sum_i sum_c (s_ic - t_ic)^2 / (rows with soft targets * classes)
//          (Ba & Caruana; Tang et al., arXiv 1903.12136)
//   KL   = T^2 * sum_i KL(softmax(t_i / T) || softmax(s_i / T)) / rows with soft targets, summed over classes
//          (Hinton et al., arXiv 1503.02531)
// An empty part is 0 and has gradient 0. Gradients:
//   CE   w (softmax(s) - 1_y) / sum w
//   MSE  2 (s - t) / (rows * classes)
//   KL   T (softmax(s/T) - softmax(t/T)) / rows
//
// Sums over classes are one chain for c = 0, 1, ..., sums over rows one chain for i = 0, 1, ..., sums of
// products fused. Softmax at temperature T: e_c = (x_c - max x) / T, z = sum of exp(e_c), p_c = exp(e_c) / z.
// CE's term is log z - e_y; KL's logarithm is (e_c of t - e_c of s) + log(z of s / z of t). A gradient is 0 +
// CE's part + the soft part.
//
// Error bounds (fp32) for |logits| <= 30, n <= 1000 and classes <= 1000:
//   CE, MSE   1e-5 * (1 + |term|)
//   KL        1e-5 * (1 + |term|) + 2e-6 * T^2 (what the rounding of z is worth)
//   gradient  1e-5 * (ce_weight * max w / sum w + soft_weight / rows with soft targets)
//   norms     1e-5 * (1 + their sum)
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

/// What one evaluation of the objective returns. *_grad_norm: Euclidean norm over the batch of each weighted
/// term's gradient.
template <class T>
struct ObjectiveReport {
  T loss, ce, soft;  // ce and soft before their weights
  T ce_grad_norm, soft_grad_norm;
  int64_t labelled, with_soft, correct;  // correct: rows with a label whose first maximal logit is it
};

/// logits [batch, classes]; labels [batch] (-1: none) or null; class_weights [classes] or null (all 1); soft
/// [batch, classes] teacher logits or null; has_soft [batch] (0/1) or null (all rows of soft count). d_logits
/// [batch, classes] overwrites; or null.
template <class T>
using objective_fn = void(const T* logits, int64_t batch, int64_t classes, const int32_t* labels,
                          const T* class_weights, const T* soft, const int32_t* has_soft,
                          const ObjectiveWeights<T>& weights, T* d_logits, ObjectiveReport<T>* report);

}  // namespace maque
