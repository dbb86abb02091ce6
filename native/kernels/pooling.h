// Pooling over the tokens of each text of a ragged batch.
// Text b owns positions offsets[b] .. offsets[b + 1] - 1; position s lies in row rows[s] of x (s itself where
// rows is null). A text of no tokens pools to zeros, and its argmax is -1.
//
// Error bound (fp32) for elements of at most 2 and texts of at most 40 tokens: 4.8e-6, of a sum 1e-4; a
// maximum is exact.
#pragma once
#include "core/types.h"

namespace maque {

/// out[b, j] = max over s of x[row(s), j]; argmax[b, j] (or null) is the row of the first maximum.
template <class T>
using max_pool_forward_fn = void(const T* x, int64_t ldx, const int32_t* offsets, const int32_t* rows,
                                 int64_t batch, int64_t n, T* out, int32_t* argmax);

/// dx[argmax[b, j], j] += d_out[b, j].
template <class T>
using max_pool_backward_fn = void(const T* d_out, const int32_t* argmax, int64_t batch, int64_t n, T* dx,
                                  int64_t ldx);

/// out[b, j] = (x[row(s0), j] + x[row(s1), j] + ...) / length, added in order, one division.
template <class T>
using mean_pool_forward_fn = void(const T* x, int64_t ldx, const int32_t* offsets, const int32_t* rows,
                                  int64_t batch, int64_t n, T* out);

/// out[b, j] = x[row(s0), j] + x[row(s1), j] + ..., added in order from 0.
template <class T>
using sum_pool_forward_fn = void(const T* x, int64_t ldx, const int32_t* offsets, const int32_t* rows,
                                 int64_t batch, int64_t n, T* out);

/// dx[row(s), j] += d_out[b, j] / length (the quotient is formed first).
template <class T>
using mean_pool_backward_fn = void(const T* d_out, const int32_t* offsets, const int32_t* rows, int64_t batch,
                                   int64_t n, T* dx, int64_t ldx);

}  // namespace maque
