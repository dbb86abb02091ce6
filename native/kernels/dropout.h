// Inverted dropout; the mask is drawn from a counter, never stored (Salmon et al., SC 2011: Philox4x32-10).
//
// Error bound (fp32): 1.5e-7 * max|x| / (1 - p).
#pragma once
#include "core/types.h"

namespace maque {

/// y[e] = keep(e) ? x[e] / (1 - p) (as a product with the rounded reciprocal) : 0, with the mask of
/// core/types.h. y may be x. The backward pass is the same call on the gradient.
template <class T>
using dropout_fn = void(const Dropout& dropout, const T* x, int64_t n, T* y);

}  // namespace maque
