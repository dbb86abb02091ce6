// What the forward passes of all serving forms share: what a pass has, and the order of its parts.
//
// A form's own pass derives from ServingPass, and these functions are found beside it: plan_buffers(carver,
// &pass), mean_of_ngrams(pass), ngram_input(pass), run_document(pass), run_sequence(pass), pool_states(pass),
// run_head(pass, rows, logits) and run_layer(pass, layer, x, rows, activation, y).
#pragma once
#include "model/serving.h"
#include "model/serving_batch.h"

namespace maque {

template <class Student>
struct ServingPass {
  const Student& s;
  const Kernels<float>& kernels;
  const Geometry& g;
  StudentBatch batch{};
  const int32_t* ids = nullptr;  // rows of the table, by row (sequence) or place (document)
  float *gates = nullptr, *cells = nullptr;
  float *ngrams = nullptr, *beside = nullptr;  // of each text: their mean, their part of the first layer
  float* token_logits = nullptr;

  ServingPass(const Student& student, const Kernels<float>& float_kernels)
      : s(student), kernels(float_kernels), g(*student.geometry) {}

  bool document() const { return g.kind == Kind::document; }
  bool per_token() const { return g.head_per_token(); }
  /// The features are made of the states: what neither a document nor a head on every token does.
  bool pools() const { return g.kind == Kind::sequence && !per_token(); }
  int64_t width() const { return 2 * s.whole; }
  int64_t places() const { return 2 * s.gates * s.whole; }
  int64_t steps() const { return document() ? batch.texts : batch.tokens; }
  int64_t head_rows() const { return per_token() ? batch.rows : batch.texts; }
  int64_t widest_hidden() const {
    int64_t widest = 0;
    for (int32_t i = 0; i < g.head_layers; ++i) widest = g.head[i] > widest ? g.head[i] : widest;
    return widest;
  }
};

/// y [rows, first layer's outputs] = the n-grams' part of each text's sums, with the bias.
template <class Pass>
void start_sums(const Pass& p, float* y) {
  float* sums = p.per_token() ? p.beside : y;
  run_layer(p, p.s.beside, ngram_input(p), p.batch.texts, Activation::none, sums);
  if (p.per_token()) copy_to_rows(p.batch, sums, p.s.beside.n, y);
}

template <class Pass>
void run_pass(const Pass& p, float* logits) {
  if (p.g.has_ngrams()) mean_of_ngrams(p);
  if (p.document()) run_document(p);
  if (p.g.kind == Kind::sequence) run_sequence(p);
  if (p.pools()) pool_states(p);
  if (!p.per_token()) {
    run_head(p, p.batch.texts, logits);
    return;
  }
  run_head(p, p.batch.rows, p.token_logits);
  p.kernels.max_pool_forward(p.token_logits, p.g.num_labels, p.batch.pool_offsets, p.batch.pool_rows,
                             p.batch.texts, p.g.num_labels, logits, nullptr);
}

/// Logits of the texts, chunk by chunk, by passes that begin as this one.
template <class Pass>
Status serve(const Pass& begin, Scratch* scratch, const Texts& texts, float* out) {
  const int64_t classes = begin.g.num_labels;
  return for_serving_chunks(texts, classes, scratch, out, [&](Carver* carver, const Texts& chunk, float* to) {
    Pass p = begin;
    p.ids = lay_out_serving(carver, p.g, chunk, p.s.map, &p.batch);
    plan_buffers(carver, &p);
    if (to != nullptr) run_pass(p, to);
  });
}

}  // namespace maque
