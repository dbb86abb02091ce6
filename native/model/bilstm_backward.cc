// The backward pass of the students. b.gates holds the activated gates and receives the gradients of their
// pre-activations.
#include <string.h>

#include "model/bilstm.h"
#include "model/live_rows.h"
#include "model/recurrence.h"

namespace maque {
namespace {

template <class T>
struct Back {
  const Compute<T>& c;
  const StudentWeights<T>& w;
  const Geometry& g;
  const StudentBatch& batch;
  const StudentDropout& dropout;
  const StudentBuffers<T>& b;
  T* const* gradients;
};

template <class T>
void zero(T* x, int64_t n) {
  memset(x, 0, static_cast<size_t>(n) * sizeof(T));
}

template <class T>
void head_backward_of(const Back<T>& p, const T* d_logits, int64_t rows) {
  const HeadDropout dropout{p.dropout.key, p.dropout.head, kHeadSite};
  const BesideRows<T> beside = beside_rows(p.g, p.batch, p.b);
  const bool split = p.g.has_lstm() && p.g.has_ngrams();
  head_backward(p.c, p.w.head, p.b.features, rows, p.b.head, dropout, d_logits,
                p.gradients + head_tensor(p.g), p.b.d_features, split ? &beside : nullptr);
  if (p.g.has_lstm())
    run_dropout(p.c, p.dropout.key, p.dropout.output, kOutputSite, p.b.d_features, rows * 2 * p.g.hidden);
}

/// Moves the live rows of x [rows, width] to its front.
template <class T>
void keep_live_rows(const LiveRows& live, int64_t width, T* x) {
  for (int64_t i = 0; i < live.count; ++i) {
    if (live.rows[i] != i)
      memcpy(x + i * width, x + live.rows[i] * width, static_cast<size_t>(width) * sizeof(T));
  }
}

/// The head's way back from the logits of the tokens that the maxima have chosen; the other rows of
/// b.d_output are zero. Until then it holds what the head has read of the chosen ones.
template <class T>
void max_logits_backward(const Back<T>& p, const T* d_logits) {
  const int64_t h2 = 2 * p.g.hidden, texts = p.batch.texts, classes = p.g.num_labels;
  LiveRows live = p.b.live;
  find_live_rows(p.batch, classes, p.b.argmax, &live);
  zero(p.b.d_token_logits, live.count * classes);
  p.c.kernels.max_pool_backward(d_logits, p.b.argmax, texts, classes, p.b.d_token_logits, classes);
  for_blocks(p.c.executor, live.count, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    p.c.kernels.gather_rows(p.b.features, h2, live.rows + begin, end - begin, h2, p.b.d_output + begin * h2,
                            h2);
  });
  for (int32_t i = 0; i < p.g.head_layers; ++i) keep_live_rows(live, p.g.head[i], p.b.head.hidden[i]);
  const HeadDropout dropout{p.dropout.key, p.dropout.head, kHeadSite, live.rows};
  BesideRows<T> beside = beside_rows(p.g, p.batch, p.b);
  beside.offsets = live.offsets, beside.rows = live.positions;
  head_backward(p.c, p.w.head, p.b.d_output, live.count, p.b.head, dropout, p.b.d_token_logits,
                p.gradients + head_tensor(p.g), p.b.d_features, p.g.has_ngrams() ? &beside : nullptr);
  run_dropout_rows(p.c, p.dropout.key, p.dropout.output, kOutputSite, live.rows, p.b.d_features, live.count,
                   h2);
  for_blocks(p.c.executor, p.batch.rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    p.c.kernels.gather_rows(p.b.d_features, h2, live.place + begin, end - begin, h2,
                            p.b.d_output + begin * h2, h2);
  });
}

/// From the gradient of the logits to that of the biLSTM's output (b.d_output).
template <class T>
void pooling_backward(const Back<T>& p, const T* d_logits) {
  const int64_t h = p.g.hidden, h2 = 2 * h, texts = p.batch.texts, rows = p.batch.rows;
  if (p.g.kind != Kind::sequence) {
    head_backward_of(p, d_logits, texts);
    return;
  }
  if (p.g.pooling == Pooling::max_logits) {
    max_logits_backward(p, d_logits);
    return;
  }
  head_backward_of(p, d_logits, texts);
  zero(p.b.d_output, rows * h2);
  if (p.g.pooling == Pooling::mean) {
    p.c.kernels.mean_pool_backward(p.b.d_features, p.batch.pool_offsets, p.batch.pool_rows, texts, h2,
                                   p.b.d_output, h2);
  } else if (p.g.pooling == Pooling::max) {
    p.c.kernels.max_pool_backward(p.b.d_features, p.b.argmax, texts, h2, p.b.d_output, h2);
  } else {
    for (int64_t i = 0; i < texts; ++i) {
      const T* d = p.b.d_features + i * h2;
      p.c.kernels.add(d, h, p.b.d_output + p.batch.last[i] * h2);
      p.c.kernels.add(d + h, h, p.b.d_output + p.batch.first[i] * h2 + h);
    }
  }
}

/// All steps of one direction for one block of texts, last step first.
template <class T>
void run_block_back(const Back<T>& p, int64_t d, TextBlock block, int32_t worker) {
  const int64_t h = p.g.hidden, h2 = 2 * h, ld = 2 * p.w.padded;
  const int64_t times = block_times(p.batch, block);
  T* dc = p.b.d_cells + block.begin * h2 + d * h;
  for (int64_t step = 0; step < times; ++step) {
    const int64_t t = d == 0 ? times - 1 - step : step;
    const int64_t row = p.batch.start[t] + block.begin;
    const int64_t end = block.end_at(p.batch, t), joined = previous_end(p.batch, block, d, t);
    T* gates = p.b.gates + row * ld + d * p.w.padded;
    T* dh = p.b.d_output + row * h2 + d * h;
    if (step > 0) {  // the step after this one is t + 1 forwards (for the texts still running there), t - 1
                     // backwards (for all)
      const int64_t next = d == 0 ? t + 1 : t - 1;
      const int64_t m = (d == 0 ? block.end_at(p.batch, next) : end) - block.begin;
      const T* d_next = p.b.gates + (p.batch.start[next] + block.begin) * ld + d * p.w.padded;
      GemmArgs<T> args = gemm_args(m, h, p.w.gates, d_next, ld, dh, h2);
      args.accumulate = true;
      call_gemm(p.c, args, p.w.recurrent_back[d], worker);
    }
    const T* c = p.b.cells + row * h2 + d * h;
    const int64_t going = joined - block.begin, joining = end - joined;
    if (going > 0) {
      const T* before = p.b.cells + (p.batch.start[d == 0 ? t - 1 : t + 1] + block.begin) * h2 + d * h;
      p.c.kernels.lstm_cell_backward(gates, ld, before, c, h2, dh, h2, dc, h2, gates, ld, going, h);
    }
    if (joining > 0) {
      T* first = gates + going * ld;
      p.c.kernels.lstm_cell_backward(first, ld, static_cast<const T*>(nullptr), c + going * h2, h2,
                                     dh + going * h2, h2, dc + going * h2, h2, first, ld, joining, h);
    }
  }
}

template <class T>
void document_step_back(const Back<T>& p) {
  const int64_t h = p.g.hidden, ld = 2 * p.w.padded;
  p.c.executor.parallel_for(2, [&](int64_t d, int32_t) {
    T* gates = p.b.gates + d * p.w.padded;
    p.c.kernels.lstm_cell_backward(gates, ld, static_cast<const T*>(nullptr), p.b.cells + d * h, 2 * h,
                                   p.b.d_output + d * h, 2 * h, p.b.d_cells + d * h, 2 * h, gates, ld,
                                   p.batch.texts, h);
  });
}

/// Gradients of both directions' recurrent weights (for a document zero). A direction's first step has no
/// state before: forwards those are the first rows; backwards at least the texts that are the longest end in
/// the last.
template <class T>
void recurrent_weights_backward(const Back<T>& p) {
  const int64_t h = p.g.hidden, h2 = 2 * h, ld = 2 * p.w.padded, longest = p.batch.longest;
  for (int64_t d = 0; d < 2; ++d) {
    const int64_t first = d == 0 && longest > 0 ? p.batch.start[1] : 0;
    const int64_t rows = (d == 1 && longest > 0 ? p.batch.start[longest - 1] : p.batch.tokens) - first;
    const int32_t* previous = (d == 0 ? p.batch.before : p.batch.after) + first;
    for_blocks(p.c.executor, rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
      p.c.kernels.gather_rows(p.b.output + d * h, h2, previous + begin, end - begin, h,
                              p.b.previous + begin * h, h);
    });
    const Packed<T> state = pack_rows(p.c, p.w.input.arithmetic, p.b.previous, h, rows, h, p.b.pack);
    weight_backward_packed(p.c, state, p.b.gates + first * ld + d * p.w.padded, ld, p.w.gates, h,
                           p.gradients[lstm_tensor(d, kWeightHh)]);
  }
}

/// Gradients of the gates of all rows of an id, summed into one: their input was the same. In place, a row's
/// sum lies at or before it, where all has been read.
template <class T>
void sum_by_id(const Back<T>& p) {
  const int64_t ld = 2 * p.w.padded, width = p.w.padded + p.w.gates;
  for_blocks(p.c.executor, width, kColumnBlock, [&](int64_t begin, int64_t end, int32_t) {
    int64_t sums = 0;
    for (int64_t row = 0; row < p.batch.tokens; ++row) {
      const T* x = p.b.gates + row * ld + begin;
      const int64_t place = p.batch.distinct_of[row];
      T* sum = p.b.gates + place * ld + begin;
      if (place < sums) {
        p.c.kernels.add(x, end - begin, sum);
      } else {
        ++sums;
        if (place != row) memcpy(sum, x, static_cast<size_t>(end - begin) * sizeof(T));
      }
    }
  });
}

/// Gradients of both directions' input weights and biases. `rows` rows of gates.
template <class T>
void input_weights_backward(const Back<T>& p, int64_t rows) {
  const int64_t e = p.g.embedding, ld = 2 * p.w.padded;
  const GateSegments segments = input_segments(p.g);
  const Arithmetic& arithmetic = p.w.input.arithmetic;
  const Packed<T> input = pack_rows(p.c, arithmetic, p.b.input, e, rows, e, p.b.pack);
  for (int64_t d = 0; d < 2; ++d) {
    const T* dy = p.b.gates + d * p.w.padded;
    T* const* grad = p.gradients + lstm_tensor(d, 0);
    for (int32_t i = 0; i < segments.count; ++i) {
      const int64_t begin = segments.begin[i];
      weight_backward_packed(p.c, input, dy + begin, ld, segments.width[i], e, grad[kWeightIh] + begin * e);
    }
    run_column_sums(p.c, dy, ld, rows, p.w.gates, grad[kBiasIh]);
    memcpy(grad[kBiasHh], grad[kBiasIh], static_cast<size_t>(p.w.gates) * sizeof(T));
  }
}

/// The gradient of the input and, from it, of the table.
template <class T>
void table_backward(const Back<T>& p, int64_t rows) {
  const int64_t e = p.g.embedding, ld = 2 * p.w.padded;
  for (int64_t d = 0; d < 2; ++d) {
    GemmArgs<T> args = gemm_args(rows, e, p.w.gates, p.b.gates + d * p.w.padded, ld, p.b.d_input, e);
    args.accumulate = d == 1;
    run_gemm(p.c, args, p.w.input_back[d]);
  }
  run_dropout(p.c, p.dropout.key, p.dropout.embedding, kInputSite, p.b.d_input, rows * e);
  T* table = p.gradients[0];
  if (p.g.kind == Kind::document) {
    p.c.kernels.mean_pool_backward(p.b.d_input, p.batch.offsets, p.batch.ids, rows, e, table, e);
    return;
  }
  if (p.batch.distinct_of != nullptr) {
    for_blocks(p.c.executor, rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
      for (int64_t i = begin; i < end; ++i)
        p.c.kernels.add(p.b.d_input + i * e, e, table + p.batch.distinct_ids[i] * e);
    });
    return;
  }
  for_blocks(p.c.executor, e, kColumnBlock, [&](int64_t begin, int64_t end, int32_t) {
    p.c.kernels.scatter_add_rows(p.b.d_input + begin, e, p.batch.row_ids, p.batch.by_id, 0, rows, end - begin,
                                 table + begin, e);
  });
}

}  // namespace

template <class T>
void student_backward(const Compute<T>& compute, const StudentWeights<T>& weights, const StudentBatch& batch,
                      const StudentDropout& dropout, const StudentBuffers<T>& buffers, const T* d_logits,
                      T* const* gradients, T* ngram_rows) {
  const Geometry& g = *weights.geometry;
  const Back<T> p{compute, weights, g, batch, dropout, buffers, gradients};
  const bool document = g.kind == Kind::document;
  pooling_backward(p, d_logits);
  if (g.has_ngrams()) {
    run_dropout(compute, dropout.key, dropout.ngrams, kNgramSite, buffers.d_ngrams,
                batch.texts * g.ngram_width);
    bag_backward(compute, g.ngram_width, batch.bag, buffers.d_ngrams, ngram_rows);
  }
  if (!g.has_lstm()) return;
  zero(buffers.d_cells, batch.texts * 2 * g.hidden);
  if (document) {
    document_step_back(p);
  } else {
    for_directions_and_blocks(compute.executor, batch, [&](int64_t d, TextBlock block, int32_t worker) {
      run_block_back(p, d, block, worker);
    });
    recurrent_weights_backward(p);
    if (batch.distinct_of != nullptr) sum_by_id(p);
  }
  const int64_t rows = document ? batch.texts : batch.distinct_of != nullptr ? batch.distinct : batch.tokens;
  input_weights_backward(p, rows);
  if (gradients[0] != nullptr) table_backward(p, rows);
}

#define MAQUE_INSTANTIATE(T)                                                                              \
  template void student_backward<T>(const Compute<T>&, const StudentWeights<T>&, const StudentBatch&,     \
                                    const StudentDropout&, const StudentBuffers<T>&, const T*, T* const*, \
                                    T*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
