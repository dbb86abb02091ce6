#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/lstm_cell.h"

namespace maque::cuda {
namespace {

MAQUE_KERNEL(kElementThreads)
cells_forward(float* gates, int64_t ld_gates, const float* c_prev, float* c, int64_t ld_c, float* h,
              int64_t ld_h, int64_t rows, int64_t hidden) {
  const int64_t e = element_index();
  if (e >= rows * hidden) return;
  const int64_t r = e / hidden, j = e % hidden;
  float* at = gates + r * ld_gates + j;
  const bool has_state = c_prev != nullptr;
  float gate[4];
  for (int32_t n = 0; n < 4; ++n) gate[n] = n == 1 && !has_state ? 0.0f : at[n * hidden];
  const float cell = step_cell(gate, has_state, has_state ? c_prev[r * ld_c + j] : 0.0f);
  for (int32_t n = 0; n < 4; ++n) at[n * hidden] = gate[n];
  c[r * ld_c + j] = cell;
  h[r * ld_h + j] = gate[3] * math::tanh(cell);
}

/// The arguments of lstm_cell_backward_fn.
struct CellsBack {
  const float* gates;
  int64_t ld_gates;
  const float *c_prev, *c;
  int64_t ld_c;
  const float* dh;
  int64_t ld_dh;
  float* dc;
  int64_t ld_dc;
  float* d_gates;
  int64_t ld_dgates, rows, hidden;
};

MAQUE_KERNEL(kElementThreads) cells_backward(CellsBack x) {
  const int64_t e = element_index();
  if (e >= x.rows * x.hidden) return;
  const int64_t r = e / x.hidden, j = e % x.hidden;
  const bool has_state = x.c_prev != nullptr;
  float gate[4];
  for (int32_t n = 0; n < 4; ++n) gate[n] = x.gates[r * x.ld_gates + n * x.hidden + j];
  step_cell_backward(gate, has_state, has_state ? x.c_prev[r * x.ld_c + j] : 0.0f, x.c[r * x.ld_c + j],
                     x.dh[r * x.ld_dh + j], x.dc + r * x.ld_dc + j);
  for (int32_t n = 0; n < 4; ++n) x.d_gates[r * x.ld_dgates + n * x.hidden + j] = gate[n];
}

}  // namespace

Code lstm_cell_forward(Stream stream, float* gates, int64_t ld_gates, const float* c_prev, float* c,
                       int64_t ld_c, float* h, int64_t ld_h, int64_t rows, int64_t hidden) {
  if (rows * hidden == 0) return kSuccess;
  return launch(over_elements("lstm_cell_forward", rows * hidden, stream), cells_forward, gates, ld_gates,
                c_prev, c, ld_c, h, ld_h, rows, hidden);
}

Code lstm_cell_backward(Stream stream, const float* gates, int64_t ld_gates, const float* c_prev,
                        const float* c, int64_t ld_c, const float* dh, int64_t ld_dh, float* dc,
                        int64_t ld_dc, float* d_gates, int64_t ld_dgates, int64_t rows, int64_t hidden) {
  if (rows * hidden == 0) return kSuccess;
  const CellsBack x = {gates, ld_gates, c_prev,  c,         ld_c, dh,    ld_dh,
                       dc,    ld_dc,    d_gates, ld_dgates, rows, hidden};
  return launch(over_elements("lstm_cell_backward", rows * hidden, stream), cells_backward, x);
}

}  // namespace maque::cuda
