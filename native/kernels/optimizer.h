// Parameter updates and the sums that clipping needs. Element-wise, so any split over threads gives the same
// bits.
//
// Error bounds (fp32) for elements of at most 1:
//   sgd_step, adam_step   3e-7
//   sum_of_squares        2e-5 * the sum
//   column_sums           6e-8 * rows^2 for rows <= 30
//   add                   1.3e-7
#pragma once
#include "core/types.h"

namespace maque {

/// Elements of one partial sum of sum_of_squares.
constexpr int64_t kSumChunk = 4096;

/// PyTorch's SGD: g = scale * grad + weight_decay * w; buf = momentum * buf + g; w -= lr * (buf, or g without
/// a buffer); each sum is one fma around the product that stands in it (the first: around weight_decay * w).
/// buf may be null (momentum 0).
template <class T>
using sgd_step_fn = void(T* w, const T* grad, T* buf, int64_t n, T lr, T momentum, T weight_decay, T scale);

/// AdamW (Loshchilov & Hutter, arXiv 1711.05101), Adam for weight_decay 0:
///   g = scale * grad; w -= lr * weight_decay * w; m += (1-b1) (g - m); v = b2 v + (1-b2) g^2;
///   w -= lr / correction1 * m / (sqrt(v) / sqrt_correction2 + eps),  correction1 = 1 - b1^t,
///   sqrt_correction2 = sqrt(1 - b2^t).
/// Order: w' = fma(-(lr * weight_decay), w, w); m = fma(1-b1, g - m, m); v = fma(b2, v, (1-b2) * (g * g));
/// w = fma(-(lr / correction1), m / (sqrt(v) / sqrt_correction2 + eps), w'). 1-b1 and 1-b2 are formed in
/// double (in float 1 - 0.999 would be off by 1e-5), then rounded.
template <class T>
using adam_step_fn = void(T* w, const T* grad, T* m, T* v, int64_t n, T lr, double beta1, double beta2, T eps,
                          T weight_decay, T correction1, T sqrt_correction2, T scale);

/// Sum of squares of at most kSumChunk elements in 16 virtual lanes (fma), folded as in layer_norm.h.
template <class T>
using sum_of_squares_fn = T(const T* x, int64_t n);

/// sums[j] += sum_i x[i, j] for j in [begin, end): one chain over i from the present value (bias gradients).
template <class T>
using column_sums_fn = void(const T* x, int64_t ldx, int64_t rows, int64_t begin, int64_t end, T* sums);

/// y[i] += x[i].
template <class T>
using add_fn = void(const T* x, int64_t n, T* y);

}  // namespace maque
