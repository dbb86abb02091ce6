// The forward pass of an int8 student.
#include <string.h>

#include "kernels/math.h"
#include "model/serving_pass.h"
#include "model/serving_walk.h"

namespace maque {
namespace {

struct Pass : ServingPass<Int8Student> {
  const Int8Kernels& int8;
  // Inputs of a form that is not folded, means of documents.
  float* mean = nullptr;
  uint8_t* input = nullptr;
  float* input_scale = nullptr;
  // The biLSTM. Rows have 2 * whole elements.
  float *output = nullptr, *pooled = nullptr;
  uint8_t *states = nullptr, *features = nullptr;
  // Means of n-grams as bytes.
  float* ngram_scale = nullptr;
  uint8_t* ngram_bytes = nullptr;
  // The head.
  float *hidden = nullptr, *hidden_scale = nullptr;
  uint8_t* hidden_bytes = nullptr;

  Pass(const Int8Student& student, const Int8Kernels& int8_kernels, const Kernels<float>& float_kernels)
      : ServingPass(student, float_kernels), int8(int8_kernels) {}
};

void plan_ngrams(Carver* carver, Pass* p) {
  const int64_t texts = p->batch.texts, width = p->g.ngram_width;
  if (width == 0) return;
  p->ngrams = carver->take<float>(texts * p->s.ngram_places());
  p->ngram_bytes = carver->take<uint8_t>(texts * int8_whole_k(width));
  p->ngram_scale = carver->take<float>(texts);
  if (p->s.beside.k > 0) p->beside = carver->take<float>(texts * p->s.beside.n);
}

void plan_buffers(Carver* carver, Pass* p) {
  const Geometry& g = p->g;
  const int64_t texts = p->batch.texts, rows = p->batch.rows, width = p->width();
  plan_ngrams(carver, p);
  if (p->document()) p->mean = carver->take<float>(texts * (p->s.is_folded() ? p->places() : g.embedding));
  if (!p->s.is_folded()) {
    p->input = carver->take<uint8_t>(p->steps() * int8_whole_k(g.embedding));
    p->input_scale = carver->take<float>(p->steps());
    p->gates = carver->take<float>(p->steps() * p->places());
  }
  p->cells = carver->take<float>(texts * width);
  p->states = carver->take<uint8_t>(rows * width);
  if (p->pools() && g.pooling == Pooling::mean) {
    p->output = carver->take<float>(rows * width);
    p->pooled = carver->take<float>(texts * width);
  }
  p->features = p->pools() ? carver->take<uint8_t>(texts * width) : p->states;
  const int64_t head_rows = p->head_rows(), widest = p->widest_hidden();
  p->hidden = carver->take<float>(head_rows * widest);
  p->hidden_bytes = carver->take<uint8_t>(head_rows * int8_whole_k(widest));
  p->hidden_scale = carver->take<float>(head_rows);
  p->token_logits = p->per_token() ? carver->take<float>(head_rows * g.num_labels) : nullptr;
}

/// Quantised rows.
struct Rows {
  const uint8_t* x;
  int64_t ld;
  const float* scale;
  int64_t scale_stride;
};

/// y = act(x w^T + b), or, added to, act(x w^T + y).
void run_layer(const Pass& p, const Int8Layer& layer, const Rows& in, int64_t rows, Activation activation,
               float* y, bool added_to = false) {
  GemmInt8Args args{};
  args.m = rows;
  args.n = layer.n;
  args.k = layer.k;
  args.a = in.x;
  args.lda = in.ld;
  args.a_scale = in.scale;
  args.a_scale_stride = in.scale_stride;
  args.b = layer.packed;
  args.offsets = layer.offsets;
  args.w_scale = layer.scale;
  args.c = y;
  args.ldc = layer.n;
  args.bias = added_to ? nullptr : layer.bias;
  args.residual = added_to ? y : nullptr;
  args.ld_residual = layer.n;
  args.activation = added_to ? Activation::none : activation;
  p.int8.gemm_int8(args);
  if (added_to) p.kernels.activation_forward(activation, y, rows * layer.n, y);
}

LstmInt8Step step_of(const Pass& p, int64_t d, int64_t rows) {
  LstmInt8Step step{};
  step.rows = rows;
  step.hidden = p.g.hidden;
  step.gates = p.s.gates;
  step.ld_cells = step.ld_state = step.ld_next = step.ld_output = p.width();
  step.weights = p.s.recurrent[d].packed;
  step.offsets = p.s.recurrent[d].offsets;
  step.scale = p.s.recurrent[d].scale;
  return step;
}

/// Pre-activations of all tokens of a sequence that is not folded.
void project_tokens(const Pass& p) {
  const int64_t ld = p.s.ld_table, tokens = p.batch.tokens;
  for (int64_t i = 0; i < tokens; ++i) {
    memcpy(p.input + i * ld, p.s.embedding + p.ids[i] * ld, static_cast<size_t>(ld));
    p.input_scale[i] = p.s.table_scale[p.ids[i]];
  }
  run_layer(p, p.s.input, {p.input, ld, p.input_scale, 1}, tokens, Activation::none, p.gates);
}

void run_sequence(const Pass& p) {
  const int64_t width = p.width(), whole = p.s.whole, direction_places = p.s.gates * whole;
  if (!p.s.is_folded()) project_tokens(p);
  walk_batch(p.batch, [&](const ServingStep& at) {
    const int64_t d = at.direction, column = d * whole;
    LstmInt8Step step = step_of(p, d, at.count);
    if (p.s.is_folded()) {
      step.table = p.s.table + d * direction_places;
      step.ld_table = p.s.ld_table;
      step.table_scale = p.s.table_scale + d;
      step.scale_stride = p.s.scale_stride;
      step.ids = p.ids + at.row;
    } else {
      step.input = p.gates + at.row * p.places() + d * direction_places;
      step.ld_input = p.places();
    }
    step.state = at.before < 0 ? nullptr : p.states + at.before * width + column;
    step.backwards = at.number % 2 == 1;
    step.cells = p.cells + at.cell * width + column;
    step.next = p.states + at.row * width + column;
    step.output = p.output == nullptr ? nullptr : p.output + at.row * width + column;
    p.int8.lstm_int8_step(step);
  });
  const int64_t tokens = p.batch.tokens, empty = (p.batch.rows - tokens) * width;
  memset(p.states + tokens * width, kZeroPoint7, static_cast<size_t>(empty));
  if (p.output != nullptr) memset(p.output + tokens * width, 0, static_cast<size_t>(empty) * sizeof(float));
}

void run_document(const Pass& p) {
  const int64_t texts = p.batch.texts, e = p.g.embedding, places = p.places(), half = places / 2;
  const float* gates = p.gates;
  if (p.s.is_folded()) {
    for (int64_t d = 0; d < 2; ++d) {
      p.int8.mean_pool_int8(p.s.table + d * half, p.s.ld_table, p.s.table_scale + d, 2, p.ids,
                            p.batch.offsets, texts, half, p.mean + d * half, places);
    }
    for (int64_t i = 0; i < texts; ++i) p.kernels.add(p.s.gates_bias, places, p.mean + i * places);
    gates = p.mean;
  } else {
    p.int8.mean_pool_int8(p.s.table, e, p.s.table_scale, 1, p.ids, p.batch.offsets, texts, e, p.mean, e);
    p.int8.quantize_rows(p.mean, e, texts, e, kZeroPoint7, p.input, int8_whole_k(e), p.input_scale);
    run_layer(p, p.s.input, {p.input, int8_whole_k(e), p.input_scale, 1}, texts, Activation::none, p.gates);
  }
  for (int64_t d = 0; d < 2; ++d) {
    LstmInt8Step step = step_of(p, d, texts);
    step.input = gates + d * half;
    step.ld_input = places;
    step.cells = p.cells + d * p.s.whole;
    step.next = p.states + d * p.s.whole;
    p.int8.lstm_int8_step(step);
  }
}

/// The maximum of bytes is the byte of the maximum.
void max_of_states(const Pass& p, int64_t text, uint8_t* out) {
  const int64_t width = p.width();
  const int32_t begin = p.batch.pool_offsets[text], end = p.batch.pool_offsets[text + 1];
  memcpy(out, p.states + p.batch.pool_rows[begin] * width, static_cast<size_t>(width));
  for (int32_t s = begin + 1; s < end; ++s) {
    const uint8_t* row = p.states + p.batch.pool_rows[s] * width;
    for (int64_t j = 0; j < width; ++j) out[j] = row[j] > out[j] ? row[j] : out[j];
  }
}

/// A mean of states, which are bounded: 64 + rne(63 x).
void quantize_mean(const float* x, int64_t n, uint8_t* out) {
  for (int64_t j = 0; j < n; ++j) {
    const float rounded = (x[j] * kLstmStateSteps + math::kRound) - math::kRound;
    out[j] = static_cast<uint8_t>(kZeroPoint7 + static_cast<int32_t>(rounded));
  }
}

void pool_states(const Pass& p) {
  const int64_t width = p.width(), whole = p.s.whole, texts = p.batch.texts;
  if (p.g.pooling == Pooling::mean) {
    p.kernels.mean_pool_forward(p.output, width, p.batch.pool_offsets, p.batch.pool_rows, texts, width,
                                p.pooled);
    quantize_mean(p.pooled, texts * width, p.features);
    return;
  }
  for (int64_t i = 0; i < texts; ++i) {
    uint8_t* out = p.features + i * width;
    if (p.g.pooling == Pooling::max) {
      max_of_states(p, i, out);
      continue;
    }
    memcpy(out, p.states + p.batch.last[i] * width, static_cast<size_t>(whole));
    memcpy(out + whole, p.states + p.batch.first[i] * width + whole, static_cast<size_t>(whole));
  }
}

Rows ngram_input(const Pass& p) { return {p.ngram_bytes, int8_whole_k(p.g.ngram_width), p.ngram_scale, 1}; }

/// Whole blocks of columns, of which the last may reach into the next row: what is past the width is not
/// read.
void mean_of_ngrams(const Pass& p) {
  const BagBatch& bag = p.batch.bag;
  const int64_t width = p.g.ngram_width, places = p.s.ngram_places();
  p.int8.mean_pool_int8(p.s.ngrams, width, p.s.ngram_scale, 1, bag.ids, bag.offsets, bag.texts, places,
                        p.ngrams, places);
  p.int8.quantize_rows(p.ngrams, places, bag.texts, width, kZeroPoint7, p.ngram_bytes, int8_whole_k(width),
                       p.ngram_scale);
}

void run_head(const Pass& p, int64_t rows, float* logits) {
  const bool begun = p.s.beside.k > 0;
  Rows in = p.g.has_lstm() ? Rows{p.features, p.width(), &kLstmStateStep, 0} : ngram_input(p);
  if (begun) start_sums(p, p.g.head_layers > 0 ? p.hidden : logits);
  for (int32_t i = 0; i < p.g.head_layers; ++i) {
    const Int8Layer& layer = p.s.head[i];
    run_layer(p, layer, in, rows, Activation::relu, p.hidden, begun && i == 0);
    in = Rows{p.hidden_bytes, int8_whole_k(layer.n), p.hidden_scale, 1};
    p.int8.quantize_rows(p.hidden, layer.n, rows, layer.n, kZeroPoint7, p.hidden_bytes, in.ld,
                         p.hidden_scale);
  }
  run_layer(p, p.s.head[p.g.head_layers], in, rows, Activation::none, logits, begun && p.g.head_layers == 0);
}

}  // namespace

Status serve_int8(const Int8Student& student, const Int8Kernels& int8, const Kernels<float>& kernels,
                  Scratch* scratch, const Texts& texts, float* out) {
  return serve(Pass(student, int8, kernels), scratch, texts, out);
}

}  // namespace maque
