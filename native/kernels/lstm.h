// One time step of an LSTM (Hochreiter & Schmidhuber 1997, with PyTorch's gate order i, f, g, o).
//   i, f, o = sigmoid(.), g = tanh(.);  c = f * c_prev + i * g;  h = o * tanh(c)
// Order: c = fma(f, c_prev, i * g); backward, with t = tanh(c) computed again:
//   dc = fma(dh * o, fma(-t, t, 1), dc)
//   di = (dc * g) * (i * (1 - i)),  df = (dc * c_prev) * (f * (1 - f)),
//   dg = (dc * i) * fma(-g, g, 1),  do = (dh * t) * (o * (1 - o))
//
// Error bounds (fp32): gates 4e-7 absolute; c 1e-6 * (1 + |c_prev|); h 1.5e-6 * (1 + |c_prev|);
// gradients 1e-6 * (|dh| + |dc|) * (1 + |c_prev|).
#pragma once
#include "core/types.h"

namespace maque {

/// gates [rows, 4 * hidden] (row stride ld_gates) holds pre-activations and receives the activated gates.
/// c_prev [rows, hidden] or null (zero state: the forget gate's pre-activation is then not read, and its
/// activation is written as 0); c [rows, hidden] may be c_prev; h [rows, hidden]. Row strides ld_c (for
/// c_prev and c) and ld_h.
template <class T>
using lstm_cell_forward_fn = void(T* gates, int64_t ld_gates, const T* c_prev, T* c, int64_t ld_c, T* h,
                                  int64_t ld_h, int64_t rows, int64_t hidden);

/// gates are activated gates; c is this step's state; dh is the whole gradient of h; dc [rows, hidden]
/// carries in the gradient of c from the next step and carries out that of c_prev (dc * f). c_prev null: the
/// gradient of f is 0. d_gates (gradient of the pre-activations) overwrites and may be gates.
template <class T>
using lstm_cell_backward_fn = void(const T* gates, int64_t ld_gates, const T* c_prev, const T* c,
                                   int64_t ld_c, const T* dh, int64_t ld_dh, T* dc, int64_t ld_dc, T* d_gates,
                                   int64_t ld_dgates, int64_t rows, int64_t hidden);

}  // namespace maque
