#include "model/cuda/student.h"

namespace maque::cuda {
namespace {

struct Pass {
  DeviceCompute& c;
  const StudentWeights& w;
  const Geometry& g;
  const StudentBatch& batch;
  const StudentDropout& dropout;
  const StudentBuffers& b;
};

Dropout input_mask(const Pass& p) { return mask_of(p.dropout.key, p.dropout.embedding, kInputSite); }

/// Gate pre-activations of `rows` rows of the input.
void project_input(const Pass& p, int64_t rows, float* gates) {
  const int64_t ld = 2 * p.w.padded;
  for (int64_t d = 0; d < 2; ++d)
    linear_forward(p.c, p.w.input[d], p.b.input, rows, {gates + d * p.w.padded, ld});
}

/// Projects the tokens' embeddings: where they are found, each distinct id once.
void project_tokens(const Pass& p) {
  const maque::StudentBatch& batch = p.batch.device;
  const bool once = batch.distinct_of != nullptr;
  const int64_t e = p.g.embedding, rows = once ? batch.distinct : batch.tokens, ld = 2 * p.w.padded;
  gather_factor(p.c, p.w.table, e, once ? batch.distinct_ids : batch.row_ids, rows, e, input_mask(p),
                p.b.input);
  project_input(p, rows, once ? p.b.projected : p.b.gates);
  if (once)
    run(p.c, p.c.kernels.gather_rows, p.b.projected, ld, batch.distinct_of, batch.tokens, ld, p.b.gates, ld);
}

void sequence_outputs(const Pass& p) {
  const int64_t tokens = p.batch.host.tokens, h2 = 2 * p.g.hidden;
  project_tokens(p);
  recurrence_forward(p.c, p.w, p.batch, p.b);
  run(p.c, p.c.kernels.zero, p.b.output.x + tokens * h2, (p.batch.host.rows - tokens) * h2);
}

void document_outputs(const Pass& p) {
  const int64_t e = p.g.embedding, texts = p.batch.host.texts, h = p.g.hidden;
  const maque::StudentBatch& batch = p.batch.device;
  run(p.c, p.c.kernels.mean_pool_forward, p.w.table, e, batch.offsets, batch.ids, texts, e, p.b.input.x);
  run_dropout(p.c, input_mask(p), p.b.input.x, texts * e);
  round_operand(p.c, p.b.input, texts, e);
  project_input(p, texts, p.b.gates);
  for (int64_t d = 0; d < 2; ++d) {
    run(p.c, p.c.kernels.lstm_cell_forward, p.b.gates + d * p.w.padded, 2 * p.w.padded, nullptr,
        p.b.cells + d * h, 2 * h, p.b.output.x + d * h, 2 * h, texts, h);
  }
}

/// A sequence's features but where the head runs on every row.
void pool_outputs(const Pass& p) {
  const maque::StudentBatch& batch = p.batch.device;
  const int64_t h = p.g.hidden, h2 = 2 * h, texts = batch.texts;
  const float* x = p.b.output.x;
  float* out = p.b.features.x;
  if (p.g.pooling == Pooling::last) {
    run(p.c, p.c.kernels.gather_rows, x, h2, batch.last, texts, h, out, h2);
    run(p.c, p.c.kernels.gather_rows, x + h, h2, batch.first, texts, h, out + h, h2);
  } else if (p.g.pooling == Pooling::mean) {
    run(p.c, p.c.kernels.mean_pool_forward, x, h2, batch.pool_offsets, batch.pool_rows, texts, h2, out);
  } else {
    run(p.c, p.c.kernels.max_pool_forward, x, h2, batch.pool_offsets, batch.pool_rows, texts, h2, out,
        p.b.argmax);
  }
}

/// The head's input, after dropout.
void drop_features(const Pass& p, int64_t rows) {
  const Dropout mask = mask_of(p.dropout.key, p.dropout.output, kOutputSite);
  const int64_t h2 = 2 * p.g.hidden;
  if (p.g.head_per_token() && p.b.features.x != p.b.output.x) {
    run(p.c, p.c.kernels.dropout, mask, p.b.output.x, rows * h2, p.b.features.x);
  } else {
    run_dropout(p.c, mask, p.b.features.x, rows * h2);
  }
  round_operand(p.c, p.b.features, rows, h2);
}

/// The means of n-grams, after dropout.
void ngram_features(const Pass& p) {
  const BagBatch& bag = p.batch.device.bag;
  const int64_t texts = p.batch.host.texts, width = p.g.ngram_width;
  run(p.c, p.c.kernels.mean_pool_forward, p.w.ngrams, width, bag.offsets, bag.ids, texts, width,
      p.b.ngrams.x);
  run_dropout(p.c, mask_of(p.dropout.key, p.dropout.ngrams, kNgramSite), p.b.ngrams.x, texts * width);
  round_operand(p.c, p.b.ngrams, texts, width);
}

}  // namespace

BesideRows beside_rows(const Geometry& g, const StudentBatch& batch, const StudentBuffers& b) {
  const bool per_token = g.head_per_token();
  BesideRows beside;
  beside.texts = batch.host.texts;
  beside.offsets = batch.device.pool_offsets;
  beside.rows = per_token ? batch.device.pool_rows : nullptr;
  beside.text_of = batch.text_of;
  beside.x = b.ngrams;
  beside.sums = b.beside;
  beside.d_sums = b.d_beside;
  beside.d_x = b.d_ngrams;
  return beside;
}

void student_forward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                     const StudentDropout& dropout, const StudentBuffers& b) {
  const Geometry& g = *weights.geometry;
  const Pass p{compute, weights, g, batch, dropout, b};
  const bool per_token = g.head_per_token(), split = g.has_lstm() && g.has_ngrams();
  const int64_t classes = g.num_labels, rows = per_token ? batch.host.rows : batch.host.texts;
  if (g.has_ngrams()) ngram_features(p);
  if (g.kind == Kind::document) document_outputs(p);
  if (g.kind == Kind::sequence) sequence_outputs(p);
  if (g.kind == Kind::sequence && !per_token) pool_outputs(p);
  if (g.has_lstm()) drop_features(p, rows);
  const BesideRows beside = beside_rows(g, batch, b);
  head_forward(compute, weights.head, b.features, rows, b.head, {dropout.key, dropout.head, kHeadSite},
               per_token ? b.token_logits : b.logits, split ? &beside : nullptr);
  if (!per_token) return;
  run(compute, compute.kernels.max_pool_forward, b.token_logits, classes, batch.device.pool_offsets,
      batch.device.pool_rows, batch.host.texts, classes, b.logits, b.argmax);
}

}  // namespace maque::cuda
