// Packing of the students' weights, the time-major layout of a batch, planning of buffers.
#include <string.h>

#include "model/bilstm.h"
#include "model/sort.h"

namespace maque {
namespace {

/// Columns of one direction's packed input weights: each segment has whole panels.
int64_t packed_input_columns(const Geometry& g) {
  const GateSegments s = input_segments(g);
  int64_t columns = 0;
  for (int32_t i = 0; i < s.count; ++i) columns += round_up(s.width[i], kPanel);
  return columns;
}

template <class T>
void zero(T* x, int64_t n) {
  memset(x, 0, static_cast<size_t>(n) * sizeof(T));
}

}  // namespace

template <class T>
void StudentWeights<T>::plan(Carver* carver, const Geometry& g, const Arithmetic& arithmetic, bool backward) {
  *this = {};
  geometry = &g;
  gates = 4 * g.hidden;
  padded = round_up(gates, kPanel);
  head.plan(carver, g, arithmetic, backward);
  if (!g.has_lstm()) return;
  input.plan(carver, arithmetic, g.embedding, 2 * packed_input_columns(g));
  input_bias = carver->take<T>(2 * padded);
  for (int32_t d = 0; d < 2; ++d) {
    if (g.kind == Kind::sequence) recurrent[d].plan(carver, arithmetic, g.hidden, gates);
    if (!backward) continue;
    input_back[d].plan(carver, arithmetic, gates, g.embedding);
    if (g.kind == Kind::sequence) recurrent_back[d].plan(carver, arithmetic, gates, g.hidden);
  }
}

template <class T>
void StudentWeights<T>::pack(const Compute<T>& compute, T* const* tensors) {
  const Geometry& g = *geometry;
  const int64_t e = g.embedding, h = g.hidden;
  const GateSegments segments = input_segments(g);
  head.pack(compute, g, tensors);
  if (g.has_ngrams()) ngrams = tensors[ngram_tensor(g)];
  if (!g.has_lstm()) return;
  table = tensors[0];
  zero(input_bias, 2 * padded);
  int64_t column = 0;
  for (int32_t d = 0; d < 2; ++d) {
    T* const* t = tensors + lstm_tensor(d, 0);
    for (int32_t i = 0; i < segments.count; ++i) {
      const T* weight = t[kWeightIh] + segments.begin[i] * e;
      run_pack(compute, weight, int64_t{1}, e, segments.width[i], input.columns(column));
      column += round_up(segments.width[i], kPanel);
    }
    for (int64_t j = 0; j < gates; ++j) input_bias[d * padded + j] = t[kBiasIh][j] + t[kBiasHh][j];
    const Packed<T>&own = recurrent[d], &own_back = recurrent_back[d], &in_back = input_back[d];
    if (own.data != nullptr) run_pack(compute, t[kWeightHh], int64_t{1}, h, gates, own);
    if (in_back.data != nullptr) run_pack(compute, t[kWeightIh], e, int64_t{1}, e, in_back);
    if (own_back.data != nullptr) run_pack(compute, t[kWeightHh], h, int64_t{1}, h, own_back);
  }
}

namespace {

/// Arrays of a layout while they are filled.
struct Layout {
  int32_t *row_ids, *active, *pool_offsets, *pool_rows, *last, *first, *before, *after, *order;
  int32_t *by_id, *distinct_ids, *distinct_of;
  int64_t* start;
};

/// order[j] = number of the j-th text, longest first, equal lengths as given. active[t] = texts longer than
/// t.
void sort_by_length(const StudentBatch& b, const Layout& l) {
  memset(l.active, 0, static_cast<size_t>(b.longest + 1) * sizeof(int32_t));
  for (int64_t i = 0; i < b.texts; ++i) ++l.active[b.offsets[i + 1] - b.offsets[i]];  // texts of each length
  int32_t longer = 0;
  for (int64_t n = b.longest; n >= 0; --n) {  // now: texts longer than n
    const int32_t equal = l.active[n];
    l.active[n] = longer;
    longer += equal;
  }
  for (int64_t i = 0; i < b.texts; ++i) {
    const int32_t n = b.offsets[i + 1] - b.offsets[i];
    l.order[l.active[n]++] = static_cast<int32_t>(i);
  }
  // active[n] is now the number of texts of length n or more: shift it back to "longer than n".
  for (int64_t n = 0; n < b.longest; ++n) l.active[n] = l.active[n + 1];
  l.active[b.longest] = 0;
}

void place_text(const StudentBatch& b, const Layout& l, int32_t text, int32_t rank, int32_t* empty_row) {
  const int32_t begin = b.offsets[text], n = b.offsets[text + 1] - begin;
  int32_t* rows = l.pool_rows + l.pool_offsets[text];
  if (n == 0) rows[0] = (*empty_row)++;
  for (int32_t t = 0; t < n; ++t) {
    rows[t] = static_cast<int32_t>(l.start[t]) + rank;
    l.row_ids[rows[t]] = b.ids[begin + t];
  }
  l.first[text] = rows[0];
  l.last[text] = rows[n == 0 ? 0 : n - 1];
  if (l.before == nullptr) return;
  for (int32_t t = 0; t < n; ++t) {
    l.before[rows[t]] = t == 0 ? -1 : rows[t - 1];
    l.after[rows[t]] = t == n - 1 ? -1 : rows[t + 1];
  }
}

/// Numbers the distinct ids of the sorted rows by first occurrence.
int64_t find_distinct(const Layout& l, int64_t tokens) {
  int32_t first = 0;
  for (int64_t i = 0; i < tokens; ++i) {  // for now: the row where a row's id occurs first
    const int32_t row = l.by_id[i];
    if (i == 0 || l.row_ids[row] != l.row_ids[first]) first = row;
    l.distinct_of[row] = first;
  }
  int32_t distinct = 0;
  for (int64_t row = 0; row < tokens; ++row) {
    const int32_t earliest = l.distinct_of[row];
    if (earliest == row) l.distinct_ids[distinct] = l.row_ids[row];
    l.distinct_of[row] = earliest == row ? distinct++ : l.distinct_of[earliest];
  }
  return distinct;
}

}  // namespace

void lay_out_batch(Carver* carver, const Geometry& g, const int32_t* ids, const int32_t* offsets,
                   int64_t texts, int64_t tokens, int64_t longest, StudentLayout layout,
                   StudentBatch* batch) {
  *batch = {};
  batch->ids = ids;
  batch->offsets = offsets;
  batch->texts = texts;
  batch->tokens = tokens;
  batch->longest = longest;
  if (g.kind != Kind::sequence) {
    batch->rows = texts;
    return;
  }
  Layout l{};
  l.row_ids = carver->take<int32_t>(tokens);
  l.active = carver->take<int32_t>(longest + 1);
  l.start = carver->take<int64_t>(longest + 1);
  l.pool_offsets = carver->take<int32_t>(texts + 1);
  l.pool_rows = carver->take<int32_t>(tokens + texts);
  l.last = carver->take<int32_t>(texts);
  l.first = carver->take<int32_t>(texts);
  l.order = carver->take<int32_t>(texts);
  l.before = layout.neighbours ? carver->take<int32_t>(tokens) : nullptr;
  l.after = layout.neighbours ? carver->take<int32_t>(tokens) : nullptr;
  l.by_id = layout.sorted ? carver->take<int32_t>(tokens) : nullptr;
  l.distinct_ids = layout.distinct ? carver->take<int32_t>(tokens) : nullptr;
  l.distinct_of = layout.sorted ? carver->take<int32_t>(tokens) : nullptr;  // the sort's scratch too
  batch->rows = tokens + texts;
  if (l.active == nullptr) return;  // measuring
  sort_by_length(*batch, l);
  l.start[0] = 0;
  for (int64_t t = 0; t < longest; ++t) l.start[t + 1] = l.start[t] + l.active[t];
  l.pool_offsets[0] = 0;
  for (int64_t i = 0; i < texts; ++i) {
    const int32_t n = offsets[i + 1] - offsets[i];
    l.pool_offsets[i + 1] = l.pool_offsets[i] + (n == 0 ? 1 : n);
  }
  int32_t empty_row = static_cast<int32_t>(tokens);
  for (int64_t j = 0; j < texts; ++j) place_text(*batch, l, l.order[j], static_cast<int32_t>(j), &empty_row);
  batch->rows = empty_row;
  batch->row_ids = l.row_ids;
  batch->start = l.start;
  batch->active = l.active;
  batch->pool_offsets = l.pool_offsets;
  batch->pool_rows = l.pool_rows;
  batch->last = l.last;
  batch->first = l.first;
  batch->before = l.before;
  batch->after = l.after;
  if (layout.sorted) sort_rows(l.row_ids, tokens, l.by_id, l.distinct_of);
  batch->by_id = l.by_id;
  if (!layout.distinct) return;
  batch->distinct = find_distinct(l, tokens);
  if (batch->distinct > tokens - tokens / 8)
    return;  // few repeat: copying rows would cost more than it saves
  batch->distinct_ids = l.distinct_ids;
  batch->distinct_of = l.distinct_of;
}

namespace {

/// Of max-logits: the head goes back over the live rows. What it read, where that is no longer needed, is
/// overwritten by its gradient.
template <class T>
void plan_live_rows(Carver* carver, const Geometry& g, const StudentSizes& s, StudentBuffers<T>* b) {
  b->d_token_logits = carver->take<T>(s.rows * g.num_labels);
  b->d_features = b->features != b->output ? b->features : carver->take<T>(s.rows * g.lstm_features());
  b->live.rows = carver->take<int32_t>(s.rows);
  b->live.place = carver->take<int32_t>(s.rows);
  b->live.positions = carver->take<int32_t>(s.rows);
  b->live.offsets = carver->take<int32_t>(s.texts + 1);
}

/// What n-grams need beside the biLSTM; d_sums and sums only where a text has rows.
template <class T>
void plan_ngram_buffers(Carver* carver, const Geometry& g, const StudentSizes& s, StudentBuffers<T>* b) {
  if (!g.has_ngrams()) return;
  b->ngrams = carver->take<T>(s.texts * g.ngram_width);
  b->d_ngrams = s.training ? carver->take<T>(s.texts * g.ngram_width) : nullptr;
  if (!g.head_per_token()) return;
  b->beside = carver->take<T>(s.texts * g.head_out(0));
  b->d_beside = s.training ? carver->take<T>(s.texts * g.head_out(0)) : nullptr;
}

template <class T>
void plan_bag_buffers(Carver* carver, const Geometry& g, const StudentSizes& s, StudentBuffers<T>* b) {
  b->features = b->ngrams;
  b->d_features = b->d_ngrams;
  b->logits = carver->take<T>(s.texts * g.num_labels);
  b->head.plan(carver, g, s.texts, s.training);
}

}  // namespace

template <class T>
void plan_student_buffers(Carver* carver, const Geometry& g, const StudentSizes& s, StudentBuffers<T>* b) {
  *b = {};
  plan_ngram_buffers(carver, g, s, b);
  if (g.kind == Kind::bag) {
    plan_bag_buffers(carver, g, s, b);
    return;
  }
  const bool document = g.kind == Kind::document, per_token = g.head_per_token();
  const int64_t h2 = 2 * g.hidden, padded = round_up(4 * g.hidden, kPanel);
  const int64_t steps = document ? s.texts : s.tokens, rows = document ? s.texts : s.rows;
  b->input = carver->take<T>(steps * g.embedding);
  b->gates = carver->take<T>(steps * 2 * padded);
  b->cells = carver->take<T>((s.training ? steps : s.texts) * h2);
  b->output = carver->take<T>(rows * h2);
  const bool apart = !document && (!per_token || (s.training && s.output_dropout));
  b->features = apart ? carver->take<T>((per_token ? rows : s.texts) * h2) : b->output;
  b->token_logits = per_token ? carver->take<T>(rows * g.num_labels) : nullptr;
  b->logits = carver->take<T>(s.texts * g.num_labels);
  const int64_t pooled = per_token ? g.num_labels : h2;
  b->argmax = s.training ? carver->take<int32_t>(s.texts * pooled) : nullptr;
  b->head.plan(carver, g, per_token ? rows : s.texts, s.training);
  if (!s.training) return;
  b->d_output = carver->take<T>(rows * h2);
  if (per_token) {
    plan_live_rows(carver, g, s, b);
  } else {
    b->d_features = document ? b->d_output : carver->take<T>(s.texts * h2);
  }
  b->d_cells = carver->take<T>(s.texts * h2);
  b->d_input = s.trains_table ? carver->take<T>(steps * g.embedding) : nullptr;
  b->previous = document ? nullptr : carver->take<T>(steps * g.hidden);
  b->pack = carver->take<T>(gemm_packed_size(steps, g.embedding > g.hidden ? g.embedding : g.hidden));
}

#define MAQUE_INSTANTIATE(T)         \
  template struct StudentWeights<T>; \
  template void plan_student_buffers<T>(Carver*, const Geometry&, const StudentSizes&, StudentBuffers<T>*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
