// The backward pass of the students. b.gates holds the activated gates and receives the gradients of their
// pre-activations.
#include "model/cuda/student.h"

namespace maque::cuda {
namespace {

struct Back {
  DeviceCompute& c;
  const StudentWeights& w;
  const Geometry& g;
  const StudentBatch& batch;
  const StudentDropout& dropout;
  const StudentBuffers& b;
  float* const* gradients;
};

void head_backward_of(const Back& p, float* d_logits, int64_t rows) {
  const BesideRows beside = beside_rows(p.g, p.batch, p.b);
  const bool split = p.g.has_lstm() && p.g.has_ngrams();
  head_backward(p.c, p.w.head, p.b.features, rows, p.b.head, {p.dropout.key, p.dropout.head, kHeadSite},
                d_logits, p.gradients + head_tensor(p.g), p.b.d_features, split ? &beside : nullptr);
  if (p.g.has_lstm()) {
    run_dropout(p.c, mask_of(p.dropout.key, p.dropout.output, kOutputSite), p.b.d_features,
                rows * 2 * p.g.hidden);
  }
}

/// From the gradient of what is pooled to that of the biLSTM's output (b.d_output).
void pooled_backward(const Back& p) {
  const maque::StudentBatch& batch = p.batch.device;
  const int64_t h = p.g.hidden, h2 = 2 * h, texts = batch.texts;
  float *d = p.b.d_features, *d_output = p.b.d_output;
  run(p.c, p.c.kernels.zero, d_output, batch.rows * h2);
  if (p.g.pooling == Pooling::mean) {
    run(p.c, p.c.kernels.mean_pool_backward, d, batch.pool_offsets, batch.pool_rows, texts, h2, d_output, h2);
  } else if (p.g.pooling == Pooling::max) {
    run(p.c, p.c.kernels.max_pool_backward, d, p.b.argmax, texts, h2, d_output, h2);
  } else {
    run(p.c, p.c.kernels.scatter_add_rows, d, h2, batch.last, p.batch.places, 0, texts, h, d_output, h2);
    run(p.c, p.c.kernels.scatter_add_rows, d + h, h2, batch.first, p.batch.places, 0, texts, h, d_output + h,
        h2);
  }
}

/// From the gradient of the logits to that of the biLSTM's output.
void pooling_backward(const Back& p, float* d_logits) {
  const maque::StudentBatch& batch = p.batch.device;
  const int64_t rows = batch.rows, classes = p.g.num_labels;
  if (!p.g.head_per_token()) {
    head_backward_of(p, d_logits, batch.texts);
    if (p.g.kind == Kind::sequence) pooled_backward(p);
    return;
  }
  run(p.c, p.c.kernels.zero, p.b.d_token_logits, rows * classes);
  run(p.c, p.c.kernels.max_pool_backward, d_logits, p.b.argmax, batch.texts, classes, p.b.d_token_logits,
      classes);
  head_backward_of(p, p.b.d_token_logits, rows);
}

void ngrams_backward(const Back& p) {
  const BagBatch& bag = p.batch.device.bag;
  const int64_t texts = p.batch.host.texts, width = p.g.ngram_width;
  run_dropout(p.c, mask_of(p.dropout.key, p.dropout.ngrams, kNgramSite), p.b.d_ngrams, texts * width);
  run(p.c, p.c.kernels.divide_by_lengths, bag.offsets, texts, width, p.b.d_ngrams);
  run(p.c, p.c.kernels.sum_pool_forward, p.b.d_ngrams, width, bag.row_offsets, bag.row_texts, bag.rows, width,
      p.b.ngram_rows);
}

void document_step_back(const Back& p) {
  const int64_t h = p.g.hidden, h2 = 2 * h, ld = 2 * p.w.padded, texts = p.batch.host.texts;
  run(p.c, p.c.kernels.zero, p.b.d_cells, texts * h2);
  for (int64_t d = 0; d < 2; ++d) {
    float* gates = p.b.gates + d * p.w.padded;
    run(p.c, p.c.kernels.lstm_cell_backward, gates, ld, nullptr, p.b.cells + d * h, h2, p.b.d_output + d * h,
        h2, p.b.d_cells + d * h, h2, gates, ld, texts, h);
  }
}

/// The gradient of direction d's gates in x.
Operand gates_of(const Back& p, float* x, int64_t d) {
  Operand dy = p.b.d_gates[d];
  dy.x = x + d * p.w.padded, dy.ld = 2 * p.w.padded;
  return dy;
}

/// The states before each row, for the gradient of the recurrent weights.
void gather_previous(const Back& p, int64_t d) {
  const int64_t rows = p.batch.host.tokens, h = p.g.hidden;
  const int32_t* previous = d == 0 ? p.batch.device.before : p.batch.device.after;
  gather_factor(p.c, p.b.output.x + d * h, 2 * h, previous, rows, h, Dropout{}, p.b.previous[d]);
}

/// Gradients of both directions' weights (for a document the recurrent ones are zero). The input has `rows`
/// rows, whose gates' gradients lie in `gates`.
void lstm_weights_backward(const Back& p, float* gates, int64_t rows) {
  const int64_t e = p.g.embedding, h = p.g.hidden, n = p.w.gates;
  const bool sequence = p.g.kind == Kind::sequence;
  WeightGradient all[4];
  int32_t count = 0;
  for (int64_t d = 0; d < 2; ++d) {
    float* const* grad = p.gradients + lstm_tensor(d, 0);
    all[count++] = {p.b.input, gates_of(p, gates, d), rows, n, e, grad[kWeightIh], e};
    if (!sequence) continue;
    gather_previous(p, d);
    all[count++] = {
        p.b.previous[d], gates_of(p, p.b.gates, d), p.batch.host.tokens, n, h, grad[kWeightHh], h};
  }
  weights_backward(p.c, all, count);
}

/// Adds the gradients of `rows` rows of the input to the table's.
void table_backward(const Back& p, int64_t rows) {
  const int64_t e = p.g.embedding;
  const maque::StudentBatch& batch = p.batch.device;
  float *d = p.b.d_input, *table = p.gradients[0];
  run_dropout(p.c, mask_of(p.dropout.key, p.dropout.embedding, kInputSite), d, rows * e);
  const int32_t *ids = batch.row_ids, *order = batch.by_id;
  if (p.g.kind == Kind::document) {
    const BagBatch& words = p.batch.words;
    run(p.c, p.c.kernels.divide_by_lengths, batch.offsets, rows, e, d);
    run(p.c, p.c.kernels.sum_pool_forward, d, e, words.row_offsets, words.row_texts, words.rows, e,
        p.b.d_words);
    d = p.b.d_words, rows = words.rows, ids = words.row_ids, order = p.batch.places;
  } else if (batch.distinct_of != nullptr) {
    ids = batch.distinct_ids, order = p.batch.places;
  }
  run(p.c, p.c.kernels.scatter_add_rows, d, e, ids, order, 0, rows, e, table, e);
}

/// Gradients of both directions' biases, and of the input, from those of the gates.
void input_backward(const Back& p, float* gates, int64_t rows) {
  const int64_t e = p.g.embedding;
  for (int64_t d = 0; d < 2; ++d) {
    const Operand dy = gates_of(p, gates, d);
    float* const* grad = p.gradients + lstm_tensor(d, 0);
    bias_backward(p.c, dy, rows, p.w.gates, grad[kBiasIh], p.b.sums);
    run(p.c, p.c.kernels.copy, grad[kBiasIh], p.w.gates, grad[kBiasHh]);
    if (p.gradients[0] == nullptr) continue;
    GemmResult dx = result_in({p.b.d_input, e});
    dx.accumulate = d == 1;
    multiply(p.c, rows, e, p.w.gates, dy, p.w.input[d].weight, dx);
  }
}

}  // namespace

void student_backward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                      const StudentDropout& dropout, const StudentBuffers& b, float* d_logits,
                      float* const* gradients) {
  const Geometry& g = *weights.geometry;
  const Back p{compute, weights, g, batch, dropout, b, gradients};
  const bool document = g.kind == Kind::document, once = batch.device.distinct_of != nullptr;
  pooling_backward(p, d_logits);
  if (g.has_ngrams()) ngrams_backward(p);
  if (!g.has_lstm()) return;
  float* gates = b.gates;
  int64_t rows = document ? batch.host.texts : batch.host.tokens;
  document ? document_step_back(p) : recurrence_backward(compute, weights, batch, b);
  for (int64_t d = 0; d < 2; ++d) round_operand(compute, gates_of(p, gates, d), rows, weights.gates);
  if (once) {  // the input of all rows of an id was the same: their gradients are summed into one
    gates = b.projected;
    rows = batch.device.distinct;
    run(compute, compute.kernels.sum_pool_forward, b.gates, 2 * weights.padded, batch.distinct_offsets,
        batch.distinct_rows, rows, 2 * weights.padded, gates);
  }
  lstm_weights_backward(p, gates, rows);
  input_backward(p, gates, rows);
  if (gradients[0] != nullptr) table_backward(p, rows);
}

}  // namespace maque::cuda
