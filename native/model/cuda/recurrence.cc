// The recurrence of a sequence student: in one launch, or step by step.
#include "model/cuda/student.h"

namespace maque::cuda {
namespace {

struct Walk {
  DeviceCompute& c;
  const StudentWeights& w;
  const maque::StudentBatch& batch;  // the host's
  const StudentBuffers& b;
  int64_t h, ld;

  float* gates(int64_t d, int64_t t) const { return b.gates + batch.start[t] * ld + d * w.padded; }
  /// States of time t of an array [tokens, 2 * hidden].
  float* states(float* x, int64_t d, int64_t t) const { return x + batch.start[t] * 2 * h + d * h; }
  /// Texts that direction d has a state of when it comes to time t.
  int64_t texts_before(int64_t d, int64_t t) const {
    if (d == 0) return t == 0 ? 0 : batch.active[t];
    return t + 1 < batch.longest ? batch.active[t + 1] : 0;
  }
};

/// One step of a direction: the product with the state before and the gates of the texts that have one, the
/// gates of those that join.
void step_forward(const Walk& s, int64_t d, int64_t t) {
  const int64_t h = s.h, h2 = 2 * h, going = s.texts_before(d, t), joining = s.batch.active[t] - going;
  float *gates = s.gates(d, t), *c = s.states(s.b.cells, d, t), *out = s.states(s.b.output.x, d, t);
  if (going > 0) {
    const int64_t before = d == 0 ? t - 1 : t + 1;
    const Operand state = {s.states(s.b.output.x, d, before), h2, s.b.halves, round_up(h, 8)};
    round_operand(s.c, state, going, h);
    Epilogue onto_gates;
    onto_gates.accumulate = true;
    linear_forward(s.c, s.w.recurrent[d], state, going, {gates, s.ld}, onto_gates);
    run(s.c, s.c.kernels.lstm_cell_forward, gates, s.ld, s.states(s.b.cells, d, before), c, h2, out, h2,
        going, h);
  }
  if (joining > 0) {
    run(s.c, s.c.kernels.lstm_cell_forward, gates + going * s.ld, s.ld, nullptr, c + going * h2, h2,
        out + going * h2, h2, joining, h);
  }
}

/// The gradient that the step after `t` sends back to the states of t.
void send_back(const Walk& s, int64_t d, int64_t after, int64_t texts, float* dh) {
  Operand d_gates = s.b.d_gates[d];
  d_gates.x = s.gates(d, after), d_gates.ld = s.ld;
  round_operand(s.c, d_gates, texts, s.w.gates);
  GemmResult onto = result_in({dh, 2 * s.h});
  onto.accumulate = true;
  multiply(s.c, texts, s.h, s.w.gates, d_gates, s.w.recurrent[d].weight, onto);
}

void step_backward(const Walk& s, int64_t d, int64_t t, bool last) {
  const int64_t h = s.h, h2 = 2 * h, texts = s.batch.active[t], going = s.texts_before(d, t),
                joining = texts - going;
  float *gates = s.gates(d, t), *c = s.states(s.b.cells, d, t), *dh = s.states(s.b.d_output, d, t),
        *dc = s.b.d_cells + d * h;
  if (!last) {  // the step after this one is t + 1 forwards (for the texts still running there), t - 1
                // backwards (for all)
    const int64_t after = d == 0 ? t + 1 : t - 1;
    send_back(s, d, after, d == 0 ? s.batch.active[after] : texts, dh);
  }
  if (going > 0) {
    run(s.c, s.c.kernels.lstm_cell_backward, gates, s.ld, s.states(s.b.cells, d, d == 0 ? t - 1 : t + 1), c,
        h2, dh, h2, dc, h2, gates, s.ld, going, h);
  }
  if (joining > 0) {
    float* first = gates + going * s.ld;
    run(s.c, s.c.kernels.lstm_cell_backward, first, s.ld, nullptr, c + going * h2, h2, dh + going * h2, h2,
        dc + going * h2, h2, first, s.ld, joining, h);
  }
}

Walk walk_of(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
             const StudentBuffers& b) {
  return {compute, weights, batch.host, b, weights.geometry->hidden, 2 * weights.padded};
}

LstmBatch lstm_batch(const StudentWeights& w, const StudentBatch& batch, const StudentBuffers& b) {
  LstmBatch l = {};
  l.texts = batch.host.texts, l.longest = batch.host.longest, l.hidden = w.geometry->hidden;
  l.start = batch.device.start, l.active = batch.device.active;
  for (int32_t d = 0; d < 2; ++d) l.recurrent[d] = w.recurrent[d].weight.x;
  l.gates = b.gates, l.ld_gates = 2 * w.padded, l.gate_columns = w.padded;
  l.cells = b.cells, l.output = b.output.x;
  return l;
}

/// Whether the launch with this code has to be made up for step by step; else the code is the pass's.
bool goes_step_by_step(DeviceCompute& compute, Code code) {
  if (code == kCooperativeLaunchTooLarge) return true;
  compute.code = code;
  return false;
}

}  // namespace

void recurrence_forward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                        const StudentBuffers& b) {
  if (compute.code != kSuccess) return;
  const LstmBatch l = lstm_batch(weights, batch, b);
  const CudaKernels& k = compute.kernels;
  const Code code = compute.is_bf16() ? k.lstm_bf16_forward(compute.stream, l, b.halves, b.arrivals)
                                      : k.lstm_forward(compute.stream, l, b.arrivals);
  if (!goes_step_by_step(compute, code)) return;
  const Walk walk = walk_of(compute, weights, batch, b);
  for (int64_t d = 0; d < 2; ++d) {
    for (int64_t step = 0; step < batch.host.longest; ++step)
      step_forward(walk, d, d == 0 ? step : batch.host.longest - 1 - step);
  }
}

void recurrence_backward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                         const StudentBuffers& b) {
  if (compute.code != kSuccess) return;
  const LstmBatch l = lstm_batch(weights, batch, b);
  const CudaKernels& k = compute.kernels;
  const Code code = compute.is_bf16()
                        ? k.lstm_bf16_backward(compute.stream, l, b.d_output, b.d_cells, b.halves, b.arrivals)
                        : k.lstm_backward(compute.stream, l, b.d_output, b.d_cells, b.arrivals);
  if (!goes_step_by_step(compute, code)) return;
  run(compute, k.zero, b.d_cells, batch.host.texts * 2 * weights.geometry->hidden);
  const Walk walk = walk_of(compute, weights, batch, b);
  for (int64_t d = 0; d < 2; ++d) {
    for (int64_t step = 0; step < batch.host.longest; ++step)
      step_backward(walk, d, d == 0 ? batch.host.longest - 1 - step : step, step == 0);
  }
}

}  // namespace maque::cuda
