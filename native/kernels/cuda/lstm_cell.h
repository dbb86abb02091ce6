// One unit of an LSTM at one time step, as kernels/lstm.h says.
#pragma once
#include "kernels/cuda/device.h"
#include "kernels/math.h"

namespace maque::cuda {

/// Pre-activations become gates; returns the cell. Without a state before (has_state false) the forget gate
/// is 0.
MAQUE_DEVICE float step_cell(float (&gate)[4], bool has_state, float c_prev) {
  gate[0] = math::sigmoid(gate[0]);
  gate[2] = math::tanh(gate[2]);
  gate[3] = math::sigmoid(gate[3]);
  const float cell = gate[0] * gate[2];
  gate[1] = has_state ? math::sigmoid(gate[1]) : 0.0f;
  return has_state ? math::fma(gate[1], c_prev, cell) : cell;
}

/// Gates become the gradients of their pre-activations; dc is carried from the step after to the step before.
MAQUE_DEVICE void step_cell_backward(float (&gate)[4], bool has_state, float c_prev, float c, float dh,
                                     float* dc) {
  const float i = gate[0], f = gate[1], g = gate[2], o = gate[3], tanh_c = math::tanh(c);
  const float d_c = math::fma(dh * o, math::fma(-tanh_c, tanh_c, 1.0f), *dc);
  gate[0] = (d_c * g) * (i * (1.0f - i));
  gate[1] = has_state ? (d_c * c_prev) * (f * (1.0f - f)) : 0.0f;
  gate[2] = (d_c * i) * math::fma(-g, g, 1.0f);
  gate[3] = (dh * tanh_c) * (o * (1.0f - o));
  *dc = d_c * f;
}

}  // namespace maque::cuda
