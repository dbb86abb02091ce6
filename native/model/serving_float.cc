// The forward pass of a student in fp32 or with bf16 weights.
#include <string.h>

#include "model/serving_pass.h"
#include "model/serving_walk.h"

namespace maque {
namespace {

struct Pass : ServingPass<FloatStudent> {
  const Bf16Kernels* bf16;  // null: products in fp32
  float* input = nullptr;
  float *states = nullptr, *features = nullptr;  // of the biLSTM; rows have 2 * whole elements
  uint16_t* half_states = nullptr;               // states in bf16
  float *hidden[2] = {}, *scratch = nullptr;

  Pass(const FloatStudent& student, const Kernels<float>& float_kernels, const Bf16Kernels* bf16_kernels)
      : ServingPass(student, float_kernels),
        bf16(student.is_bf16() && g.kind == Kind::sequence ? bf16_kernels : nullptr) {}
};

void plan_buffers(Carver* carver, Pass* p) {
  const Geometry& g = p->g;
  const int64_t texts = p->batch.texts, rows = p->batch.rows, width = p->width(), steps = p->steps();
  p->ngrams = carver->take<float>(texts * g.ngram_width);
  p->beside = carver->take<float>(p->s.beside.k > 0 && p->per_token() ? texts * g.head_out(0) : 0);
  if (!p->s.is_folded()) p->input = carver->take<float>(steps * g.embedding);
  if (!p->s.is_folded() || p->document()) p->gates = carver->take<float>(steps * p->places());
  p->cells = carver->take<float>(texts * width);
  p->states = carver->take<float>(rows * width);
  if (p->bf16 != nullptr) p->half_states = carver->take<uint16_t>(rows * width);
  p->features = !g.has_lstm() ? p->ngrams : p->pools() ? carver->take<float>(texts * width) : p->states;
  for (float*& hidden : p->hidden) hidden = carver->take<float>(p->head_rows() * p->widest_hidden());
  p->token_logits = p->per_token() ? carver->take<float>(rows * g.num_labels) : nullptr;
  p->scratch = carver->take<float>(kGemmScratch);
}

/// y = act(x w^T + b), or, added to, act(x w^T + y).
void run_layer(const Pass& p, const FloatLayer& layer, const float* x, int64_t rows, Activation activation,
               float* y, bool added_to = false) {
  GemmArgs<float> args{};
  args.m = rows;
  args.n = layer.n;
  args.k = args.a_row_stride = layer.k;
  args.a_k_stride = 1;
  args.a = x;
  args.b = layer.packed;
  args.c = y;
  args.ldc = layer.n;
  args.bias = added_to ? nullptr : layer.bias;
  args.accumulate = added_to;
  args.activation = activation;
  args.scratch = p.scratch;
  p.kernels.gemm(args);
}

void set_input(const Pass& p, int64_t d, int64_t row, LstmStep<float>* step) {
  const int64_t column = d * p.s.gates * p.s.whole;
  if (p.gates != nullptr) {
    step->input = p.gates + row * p.places() + column;
    step->ld_input = p.places();
    return;
  }
  step->table = p.s.table == nullptr ? nullptr : p.s.table + column;
  step->table_bf16 = p.s.table_bf16 == nullptr ? nullptr : p.s.table_bf16 + column;
  step->ld_table = p.s.ld_table;
  step->ids = p.ids + row;
}

LstmStep<float> step_of(const Pass& p, int64_t d, int64_t rows) {
  LstmStep<float> step{};
  step.rows = rows;
  step.hidden = p.g.hidden;
  step.gates = p.s.gates;
  step.weights = p.s.recurrent[d];
  step.weights_bf16 = p.s.recurrent_bf16[d];
  step.ld_state = step.ld_cells = step.ld_next = p.width();
  return step;
}

void run_sequence(const Pass& p) {
  const int64_t width = p.width(), tokens = p.batch.tokens, e = p.g.embedding;
  if (!p.s.is_folded()) {
    p.kernels.gather_rows(p.s.table, e, p.ids, tokens, e, p.input, e);
    run_layer(p, p.s.input, p.input, tokens, Activation::none, p.gates);
  }
  walk_batch(p.batch, [&](const ServingStep& at) {
    const int64_t column = at.direction * p.s.whole;
    LstmStep<float> step = step_of(p, at.direction, at.count);
    set_input(p, at.direction, at.row, &step);
    step.state = at.before < 0 ? nullptr : p.states + at.before * width + column;
    step.cells = p.cells + at.cell * width + column;
    step.next = p.states + at.row * width + column;
    step.backwards = at.number % 2 == 1;
    if (p.bf16 == nullptr) {
      p.kernels.lstm_step(step);
      return;
    }
    LstmBf16Step half{step, nullptr, p.half_states + at.row * width + column};
    if (at.before >= 0) half.half_state = p.half_states + at.before * width + column;
    p.bf16->lstm_bf16_step(half);
  });
  memset(p.states + tokens * width, 0, static_cast<size_t>((p.batch.rows - tokens) * width) * sizeof(float));
}

void run_document(const Pass& p) {
  const int64_t texts = p.batch.texts, e = p.g.embedding, places = p.places();
  if (p.s.is_folded()) {
    p.kernels.mean_pool_forward(p.s.table, places, p.batch.offsets, p.ids, texts, places, p.gates);
    for (int64_t i = 0; i < texts; ++i) p.kernels.add(p.s.gates_bias, places, p.gates + i * places);
  } else {
    p.kernels.mean_pool_forward(p.s.table, e, p.batch.offsets, p.ids, texts, e, p.input);
    run_layer(p, p.s.input, p.input, texts, Activation::none, p.gates);
  }
  for (int64_t d = 0; d < 2; ++d) {
    LstmStep<float> step = step_of(p, d, texts);
    set_input(p, d, 0, &step);
    step.cells = p.cells + d * p.s.whole;
    step.next = p.states + d * p.s.whole;
    p.kernels.lstm_step(step);
  }
}

void pool_states(const Pass& p) {
  const int64_t width = p.width(), whole = p.s.whole, texts = p.batch.texts;
  const int32_t *offsets = p.batch.pool_offsets, *rows = p.batch.pool_rows;
  if (p.g.pooling == Pooling::mean) {
    p.kernels.mean_pool_forward(p.states, width, offsets, rows, texts, width, p.features);
  } else if (p.g.pooling == Pooling::max) {
    p.kernels.max_pool_forward(p.states, width, offsets, rows, texts, width, p.features, nullptr);
  } else {
    p.kernels.gather_rows(p.states, width, p.batch.last, texts, whole, p.features, width);
    p.kernels.gather_rows(p.states + whole, width, p.batch.first, texts, whole, p.features + whole, width);
  }
}

void mean_of_ngrams(const Pass& p) {
  const BagBatch& bag = p.batch.bag;
  const int64_t width = p.g.ngram_width;
  p.kernels.mean_pool_forward(p.s.ngrams, width, bag.offsets, bag.ids, bag.texts, width, p.ngrams);
}

const float* ngram_input(const Pass& p) { return p.ngrams; }

void run_head(const Pass& p, int64_t rows, float* logits) {
  const float* x = p.features;
  const bool begun = p.s.beside.k > 0;
  if (begun) start_sums(p, p.g.head_layers > 0 ? p.hidden[0] : logits);
  for (int32_t i = 0; i < p.g.head_layers; ++i) {
    run_layer(p, p.s.head[i], x, rows, Activation::relu, p.hidden[i % 2], begun && i == 0);
    x = p.hidden[i % 2];
  }
  run_layer(p, p.s.head[p.g.head_layers], x, rows, Activation::none, logits, begun && p.g.head_layers == 0);
}

}  // namespace

Status serve_float(const FloatStudent& student, const Kernels<float>& kernels, const Bf16Kernels* bf16,
                   Scratch* scratch, const Texts& texts, float* out) {
  return serve(Pass(student, kernels, bf16), scratch, texts, out);
}

}  // namespace maque
