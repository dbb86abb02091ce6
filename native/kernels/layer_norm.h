// Layer normalisation over the last dimension (Ba et al., arXiv 1607.06450).
//   y = (x - mean) * rstd * gamma + beta,  rstd = 1 / sqrt(var + eps), var = mean of (x - mean)^2
// Row sums use 16 virtual lanes (lane l adds elements l, l + 16, ...; absent elements count as 0), folded
// 16 -> 8 -> 4 -> 2 -> 1 by adding the upper half to the lower; sums of products are fma; division and square
// root are exact (IEEE). Order, with xhat = (x - mean) * rstd:
//   y = fma(xhat, gamma, beta);  dx = rstd * fma(-xhat, mean(g * xhat), g - mean(g))
//
// Error bounds (fp32) for n <= 4096 and |mean| * rstd <= 10:
//   y              4e-6 * (1 + max|gamma|) * max|xhat| + 4e-6 * max|beta|
//   dgamma, dbeta  4e-7 * rows * max|dy| * (1 + max|xhat|)
//   dx             4e-6 * max rstd * max|gamma| * max|dy| * (1 + max xhat^2)
#pragma once
#include "core/types.h"

namespace maque {

/// x, y [rows, n] contiguous; mean, rstd [rows] or both null. y may be x (not when a backward pass needs x).
template <class T>
using layer_norm_forward_fn = void(const T* x, const T* gamma, const T* beta, T eps, int64_t rows, int64_t n,
                                   T* y, T* mean, T* rstd);

/// Overwrites dx [rows, n] (may be dy):
///   dx = rstd * (g - mean(g) - xhat * mean(g * xhat)),  g = dy * gamma, xhat = (x - mean) * rstd.
template <class T>
using layer_norm_backward_fn = void(const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy,
                                    int64_t rows, int64_t n, T* dx);

/// Accumulates the parameter gradients of columns [begin, end): dgamma[j] += sum_i dy[i,j] * xhat[i,j],
/// dbeta[j] += sum_i dy[i,j], each one chain over i = 0, 1, ... started from the present value.
template <class T>
using layer_norm_params_backward_fn = void(const T* x, const T* mean, const T* rstd, const T* dy,
                                           int64_t rows, int64_t n, int64_t begin, int64_t end, T* dgamma,
                                           T* dbeta);

}  // namespace maque
