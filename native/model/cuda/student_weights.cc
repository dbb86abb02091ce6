// The students' weights and buffers on the device.
#include "model/cuda/student.h"

namespace maque::cuda {
namespace {

constexpr int64_t kWhole = 8;  // bf16 elements of 16 bytes

/// Rows that the gates have.
int64_t steps_of(const Geometry& g, const StudentBatch& batch) {
  return g.kind == Kind::document ? batch.host.texts : batch.host.tokens;
}

/// Rows that the head runs on.
int64_t head_rows(const Geometry& g, const StudentBatch& batch) {
  return g.head_per_token() ? batch.host.rows : batch.host.texts;
}

void plan_ngrams(Carver* carver, const Geometry& g, Precision precision, const StudentPass& pass,
                 const StudentBatch& batch, StudentBuffers* b) {
  if (!g.has_ngrams()) return;
  const int64_t texts = batch.host.texts, width = g.head_out(0);
  b->ngrams = plan_operand(carver, precision, texts, g.ngram_width);
  if (g.head_per_token()) b->beside = carver->take<float>(texts * width);
  if (!pass.training) return;
  b->d_ngrams = carver->take<float>(texts * g.ngram_width);
  b->ngram_rows = carver->take<float>(batch.host.bag.rows * g.ngram_width);
  if (g.head_per_token()) b->d_beside = plan_operand(carver, precision, texts, width);
}

/// What the biLSTM's forward pass writes.
void plan_lstm(Carver* carver, const Geometry& g, Precision precision, const StudentPass& pass,
               const StudentBatch& batch, StudentBuffers* b) {
  const bool sequence = g.kind == Kind::sequence, per_token = g.head_per_token();
  const int64_t texts = batch.host.texts, steps = steps_of(g, batch), h2 = 2 * g.hidden;
  const int64_t ld = 2 * round_up(4 * g.hidden, kWhole);
  b->input = sequence ? plan_factor(carver, precision, steps, g.embedding)
                      : plan_operand(carver, precision, steps, g.embedding);
  // No batch of which more rows are distinct is laid out by its distinct ids.
  if (sequence && pass.distinct) b->projected = carver->take<float>((steps - steps / 8) * ld);
  b->gates = carver->take<float>(steps * ld);
  b->cells = carver->take<float>(steps * h2);
  // The head reads the output itself, or after dropout, or what is pooled of it.
  const bool apart = sequence && (!per_token || (pass.training && pass.output_dropout));
  float* output = carver->take<float>(batch.host.rows * h2);
  b->output = apart ? Operand{output, h2} : plan_rounded(carver, precision, output, batch.host.rows, h2, h2);
  b->features = apart ? plan_operand(carver, precision, head_rows(g, batch), h2) : b->output;
  if (per_token) b->token_logits = carver->take<float>(batch.host.rows * g.num_labels);
  if (pass.training) b->argmax = carver->take<int32_t>(texts * (per_token ? g.num_labels : h2));
  if (!sequence) return;
  b->arrivals = carver->take<uint32_t>(2);
  if (precision == Precision::bf16) b->halves = carver->take<uint16_t>(lstm_bf16_scratch(texts, g.hidden));
}

void plan_lstm_backward(Carver* carver, const Geometry& g, Precision precision, const StudentPass& pass,
                        const StudentBatch& batch, StudentBuffers* b) {
  const bool sequence = g.kind == Kind::sequence, per_token = g.head_per_token();
  const int64_t texts = batch.host.texts, rows = batch.host.rows, steps = steps_of(g, batch);
  const int64_t gates = 4 * g.hidden, h2 = 2 * g.hidden;
  if (per_token) b->d_token_logits = carver->take<float>(rows * g.num_labels);
  b->d_output = carver->take<float>(rows * h2);
  b->d_features = per_token || !sequence ? b->d_output : carver->take<float>(texts * h2);
  b->d_cells = carver->take<float>(texts * h2);
  for (int32_t d = 0; d < 2; ++d) {
    if (sequence) b->previous[d] = plan_factor(carver, precision, steps, g.hidden);
    b->d_gates[d] = plan_rounded(carver, precision, nullptr, steps, gates, gates);
  }
  b->sums = carver->take<float>(chain_scratch(steps, 1, gates));
  if (!pass.trains_table) return;
  b->d_input = carver->take<float>(steps * g.embedding);
  if (!sequence) b->d_words = carver->take<float>(batch.words.rows * g.embedding);
}

}  // namespace

void StudentWeights::plan(Carver* carver, const Geometry& g, Precision precision) {
  *this = {};
  geometry = &g;
  gates = 4 * g.hidden;
  padded = round_up(gates, kWhole);
  head.plan(carver, g, precision);
  if (!g.has_lstm()) return;
  input_bias = carver->take<float>(2 * padded);
  for (int32_t d = 0; d < 2; ++d) {
    input[d].plan(carver, precision, g.embedding, gates);
    if (g.kind == Kind::sequence) recurrent[d].plan(carver, precision, g.hidden, gates);
  }
}

void StudentWeights::set(float* const* tensors) {
  const Geometry& g = *geometry;
  head.set(g, tensors);
  if (g.has_ngrams()) ngrams = tensors[ngram_tensor(g)];
  if (!g.has_lstm()) return;
  table = tensors[0];
  for (int32_t d = 0; d < 2; ++d) {
    float* const* t = tensors + lstm_tensor(d, 0);
    input[d].set(t[kWeightIh], input_bias + d * padded);
    if (g.kind == Kind::sequence) recurrent[d].set(t[kWeightHh], nullptr);
    bias_ih[d] = t[kBiasIh];
    bias_hh[d] = t[kBiasHh];
  }
}

void StudentWeights::refresh(DeviceCompute& compute) const {
  head.refresh(compute);
  for (int32_t d = 0; d < 2 && geometry->has_lstm(); ++d) {
    input[d].refresh(compute);
    if (geometry->kind == Kind::sequence) recurrent[d].refresh(compute);
    run(compute, compute.kernels.copy, bias_ih[d], gates, input_bias + d * padded);
    run(compute, compute.kernels.add, bias_hh[d], gates, input_bias + d * padded);
  }
}

void plan_student_buffers(Carver* carver, const Geometry& g, Precision precision, const StudentPass& pass,
                          const StudentBatch& batch, StudentBuffers* b) {
  *b = {};
  plan_ngrams(carver, g, precision, pass, batch, b);
  if (g.has_lstm()) plan_lstm(carver, g, precision, pass, batch, b);
  if (g.has_lstm() && pass.training) plan_lstm_backward(carver, g, precision, pass, batch, b);
  if (g.kind == Kind::bag) {
    b->features = b->ngrams;
    b->d_features = b->d_ngrams;
  }
  b->logits = carver->take<float>(batch.host.texts * g.num_labels);
  b->head.plan(carver, g, precision, head_rows(g, batch), pass.training);
}

}  // namespace maque::cuda
