// The students: one bidirectional LSTM layer (PyTorch's weights and gate order) and a head.
//
// Sequence (Tang et al., arXiv 1903.12136; the pooling max-logits puts the head on every token and takes the
// maximum over time for each class): texts are sorted by length, longest first, and laid out time-major: row
// start[t] + j is token t of the j-th text, and the texts still running at t are the first active[t]. Both
// directions use this one layout: the backward direction walks t downwards, and texts join it where they end.
// An empty text has one row of zeros after all others.
//
// Document: one time step on the mean of a text's vectors. From a zero state there is no recurrent product,
// and the forget gate, which would multiply that state, is not computed.
//
// N-grams: the mean of a text's n-grams (model/bag.h) stands beside the biLSTM's features at the head's
// input; where the head runs on every token, beside those of each. A student of kind bag has n-grams alone.
#pragma once
#include "model/bag.h"
#include "model/head.h"

namespace maque {

template <class T>
struct StudentWeights {
  const Geometry* geometry;
  int64_t gates;                // 4 * hidden
  int64_t padded;               // of one direction's gates in a row: rounded up to whole panels
  const T* table;               // embedding.weight or vectors.weight
  const T* ngrams;              // ngrams.weight, or null
  Packed<T> input;              // [embedding, 2 * padded]; document: see input_segments
  T* input_bias;                // [2 * padded]: bias_ih + bias_hh
  Packed<T> recurrent[2];       // [hidden, gates]; sequence only
  Packed<T> input_back[2];      // [gates, embedding]; training only
  Packed<T> recurrent_back[2];  // [gates, hidden]; training, sequence only
  Head<T> head;

  void plan(Carver* carver, const Geometry& g, const Arithmetic& arithmetic, bool backward);
  void pack(const Compute<T>& compute, T* const* tensors);
};

/// The time-major layout of a batch.
struct StudentBatch {
  BagBatch bag;                  // texts 0 where the model has no n-grams
  const int32_t *ids, *offsets;  // as given, offsets[0] = 0
  int64_t texts, tokens, longest;
  int64_t rows;                   // tokens, and one for each empty text
  const int32_t* row_ids;         // [tokens] id of each row
  const int64_t* start;           // [longest + 1]
  const int32_t* active;          // [longest + 1]; active[longest] = 0
  const int32_t* pool_offsets;    // [texts + 1]: texts in the order given, the empty ones with one row
  const int32_t* pool_rows;       // [rows]: the row of each position
  const int32_t *last, *first;    // [texts]: rows of the last and the first token
  const int32_t *before, *after;  // [tokens]: row of the token before and after in the same text, or -1
  const int32_t* by_id;           // [tokens]: rows sorted by id (see scatter_add_rows)
  // Where many ids repeat (else null): an id that occurs again is projected once, and so is the gradient.
  int64_t distinct;
  const int32_t* distinct_ids;  // [distinct] in the order of first occurrence among the rows
  const int32_t* distinct_of;   // [tokens]: place of a row's id in distinct_ids, never above the row's number
};

/// What a layout has beside rows and times.
struct StudentLayout {
  bool neighbours;  // before, after
  bool sorted;      // by_id
  bool distinct;    // distinct_ids and distinct_of where many ids repeat; needs sorted
};

/// Bytes of the arrays that lay_out_batch fills, cut from the carver; with a measuring carver nothing is
/// filled. A batch of documents or bags has neither rows nor times; only ids, offsets and sizes are set. The
/// bag is the caller's to set.
void lay_out_batch(Carver* carver, const Geometry& g, const int32_t* ids, const int32_t* offsets,
                   int64_t texts, int64_t tokens, int64_t longest, StudentLayout layout, StudentBatch* batch);

/// Dropout of a training step. key null: none.
struct StudentDropout {
  const DropoutKey* key = nullptr;
  double embedding = 0, output = 0, head = 0, ngrams = 0;
};

/// Rows of a head on every token that have a gradient (model/live_rows.h).
struct LiveRows {
  int64_t count;
  int32_t* rows;                 // [count], ascending
  int32_t* place;                // [rows of the batch]: number among the live ones, or -1
  int32_t *offsets, *positions;  // [texts + 1], [count]: of each text its live rows' places
};

template <class T>
struct StudentBuffers {
  T* input;         // [tokens (distinct: those), embedding]; document: [texts, embedding]
  T* gates;         // [tokens or texts, 2 * padded]
  T* cells;         // training: [tokens, 2 * hidden]; inference: [texts, 2 * hidden], the running state
  T* output;        // [rows, 2 * hidden]
  T* features;      // what the head reads: output, or output after dropout, or pooled [texts, 2 * hidden],
                    // or of kind bag the mean of n-grams
  T* ngrams;        // [texts, ngram_width]
  T* beside;        // see BesideRows
  T* token_logits;  // max-logits: [rows, num_labels]
  T* logits;        // [texts, num_labels]
  int32_t* argmax;  // max-logits, max: [texts, width]
  HeadBuffers<T> head;
  // Backward only.
  T *d_token_logits, *d_features, *d_output, *d_cells, *d_input, *previous, *pack, *d_ngrams, *d_beside;
  LiveRows live;  // max-logits: those of d_token_logits and d_features
};

/// Sizes that buffers are planned for. rows: tokens and empty texts.
struct StudentSizes {
  int64_t texts, tokens, rows;
  bool training, output_dropout, trains_table;
};

template <class T>
void plan_student_buffers(Carver* carver, const Geometry& g, const StudentSizes& sizes,
                          StudentBuffers<T>* buffers);

/// ids to buffers.logits.
template <class T>
void student_forward(const Compute<T>& compute, const StudentWeights<T>& weights, const StudentBatch& batch,
                     const StudentDropout& dropout, const StudentBuffers<T>& buffers);

/// Gradients of all tensors whose pointer is not null. Weights overwrite; biases and the table accumulate
/// onto zeros that the caller has set. The batch of a sequence is sorted, and its ids distinct only if none
/// is dropped from the embedding: two rows of one id then have the same input. ngram_rows: the gradient of
/// the rows batch.bag.row_ids of the table of n-grams (see bag_backward).
template <class T>
void student_backward(const Compute<T>& compute, const StudentWeights<T>& weights, const StudentBatch& batch,
                      const StudentDropout& dropout, const StudentBuffers<T>& buffers, const T* d_logits,
                      T* const* gradients, T* ngram_rows);

/// Sites of dropout masks; the head's hidden layers have kHeadSite and those after it.
constexpr uint32_t kInputSite = 0, kOutputSite = 1, kHeadSite = 2, kNgramSite = kHeadSite + kMaxHeadLayers;

/// What the head reads beside its rows.
template <class T>
BesideRows<T> beside_rows(const Geometry& g, const StudentBatch& batch, const StudentBuffers<T>& b) {
  BesideRows<T> beside;
  beside.texts = batch.texts;
  beside.offsets = batch.pool_offsets;
  beside.rows = g.head_per_token() ? batch.pool_rows : nullptr;
  beside.x = b.ngrams;
  beside.sums = b.beside;
  beside.d_sums = b.d_beside;
  beside.d_x = b.d_ngrams;
  return beside;
}

/// Segments of one direction's gates whose input products are computed: all four, or for a document i, then g
/// and o.
struct GateSegments {
  int32_t count;
  int64_t begin[2], width[2];
};
inline GateSegments input_segments(const Geometry& g) {
  const int64_t h = g.hidden;
  if (g.kind == Kind::sequence) return {1, {0, 0}, {4 * h, 0}};
  return {2, {0, 2 * h}, {h, 2 * h}};
}

}  // namespace maque
