#include <string.h>

#include "model/bilstm.h"
#include "model/recurrence.h"

namespace maque {
namespace {

template <class T>
struct Pass {
  const Compute<T>& c;
  const StudentWeights<T>& w;
  const Geometry& g;
  const StudentBatch& batch;
  const StudentDropout& dropout;
  const StudentBuffers<T>& b;
};

/// Gate pre-activations of `rows` rows of the input: one product for both directions, or those of a
/// document's segments.
template <class T>
void project_input(const Pass<T>& p, int64_t rows) {
  const int64_t e = p.g.embedding, padded = p.w.padded;
  if (p.g.kind == Kind::sequence) {
    GemmArgs<T> args = gemm_args(rows, padded + p.w.gates, e, p.b.input, e, p.b.gates, 2 * padded);
    args.bias = p.w.input_bias;
    run_gemm(p.c, args, p.w.input);
    return;
  }
  const GateSegments segments = input_segments(p.g);
  int64_t packed = 0;
  for (int32_t d = 0; d < 2; ++d) {
    for (int32_t i = 0; i < segments.count; ++i) {
      const int64_t column = d * padded + segments.begin[i];
      GemmArgs<T> args = gemm_args(rows, segments.width[i], e, p.b.input, e, p.b.gates + column, 2 * padded);
      args.bias = p.w.input_bias + column;
      run_gemm(p.c, args, p.w.input.columns(packed));
      packed += round_up(segments.width[i], kPanel);
    }
  }
}

/// The product with the state before, onto the gates. At few rows it is bound by reading the weights, which
/// are larger than a level-2 cache: going over the columns to and fro from step to step finds the last part
/// of them still there.
template <class T>
void recurrent_product(const Pass<T>& p, GemmArgs<T> args, const Packed<T>& weights, bool backwards,
                       int32_t worker) {
  args.accumulate = true;
  if (args.m > kFewRows) {
    call_gemm(p.c, args, weights, worker);
    return;
  }
  const int64_t blocks = (args.n + kFewRowsColumns - 1) / kFewRowsColumns;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t j = (backwards ? blocks - 1 - i : i) * kFewRowsColumns;
    GemmArgs<T> part = args;
    part.n = args.n - j < kFewRowsColumns ? args.n - j : kFewRowsColumns;
    part.c = args.c + j;
    call_gemm(p.c, part, weights.columns(j), worker);
  }
}

/// All steps of one direction for one block of texts.
template <class T>
void run_block(const Pass<T>& p, int64_t d, TextBlock block, int32_t worker) {
  const int64_t h = p.g.hidden, h2 = 2 * h, ld = 2 * p.w.padded;
  const bool keeps =
      p.batch.before != nullptr;  // training keeps the cells of all steps, inference the running ones
  const int64_t times = block_times(p.batch, block);
  for (int64_t step = 0; step < times; ++step) {
    const int64_t t = d == 0 ? step : times - 1 - step;
    const int64_t end = block.end_at(p.batch, t), joined = previous_end(p.batch, block, d, t);
    T* gates = p.b.gates + (p.batch.start[t] + block.begin) * ld + d * p.w.padded;
    T* out = p.b.output + (p.batch.start[t] + block.begin) * h2 + d * h;
    T* c = p.b.cells + ((keeps ? p.batch.start[t] : 0) + block.begin) * h2 + d * h;
    const int64_t going = joined - block.begin, joining = end - joined;
    if (going > 0) {
      const int64_t before = p.batch.start[d == 0 ? t - 1 : t + 1] + block.begin;
      const T* state = p.b.output + before * h2 + d * h;
      recurrent_product(p, gemm_args(going, p.w.gates, h, state, h2, gates, ld), p.w.recurrent[d],
                        step % 2 == 1, worker);
      const T* c_before = keeps ? p.b.cells + before * h2 + d * h : c;
      p.c.kernels.lstm_cell_forward(gates, ld, c_before, c, h2, out, h2, going, h);
    }
    if (joining > 0) {
      p.c.kernels.lstm_cell_forward(gates + going * ld, ld, static_cast<const T*>(nullptr), c + going * h2,
                                    h2, out + going * h2, h2, joining, h);
    }
  }
}

/// Projects the tokens' embeddings: where they are found, each distinct id once. Its row is then copied to
/// the rows of the id, the last row first: a row's source lies at or before it, so nothing is overwritten too
/// early.
template <class T>
void project_tokens(const Pass<T>& p) {
  const StudentBatch& batch = p.batch;
  const bool once = batch.distinct_of != nullptr;
  const int64_t e = p.g.embedding, rows = once ? batch.distinct : batch.tokens, ld = 2 * p.w.padded;
  const int32_t* ids = once ? batch.distinct_ids : batch.row_ids;
  for_blocks(p.c.executor, rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    p.c.kernels.gather_rows(p.w.table, e, ids + begin, end - begin, e, p.b.input + begin * e, e);
  });
  run_dropout(p.c, p.dropout.key, p.dropout.embedding, kInputSite, p.b.input, rows * e);
  project_input(p, rows);
  for (int64_t row = batch.tokens - 1; row >= 0 && rows < batch.tokens; --row) {
    const int64_t source = batch.distinct_of[row];
    if (source != row)
      memcpy(p.b.gates + row * ld, p.b.gates + source * ld, static_cast<size_t>(ld) * sizeof(T));
  }
}

template <class T>
void sequence_outputs(const Pass<T>& p) {
  const int64_t tokens = p.batch.tokens, h2 = 2 * p.g.hidden;
  project_tokens(p);
  for_directions_and_blocks(p.c.executor, p.batch, [&](int64_t d, TextBlock block, int32_t worker) {
    run_block(p, d, block, worker);
  });
  memset(p.b.output + tokens * h2, 0, static_cast<size_t>((p.batch.rows - tokens) * h2) * sizeof(T));
}

template <class T>
void document_outputs(const Pass<T>& p) {
  const int64_t e = p.g.embedding, texts = p.batch.texts, h = p.g.hidden, padded = p.w.padded;
  for_blocks(p.c.executor, texts, int64_t{8}, [&](int64_t begin, int64_t end, int32_t) {
    p.c.kernels.mean_pool_forward(p.w.table, e, p.batch.offsets + begin, p.batch.ids, end - begin, e,
                                  p.b.input + begin * e);
  });
  run_dropout(p.c, p.dropout.key, p.dropout.embedding, kInputSite, p.b.input, texts * e);
  project_input(p, texts);
  p.c.executor.parallel_for(2, [&](int64_t d, int32_t) {
    T* gates = p.b.gates + d * padded;
    p.c.kernels.lstm_cell_forward(gates, 2 * padded, static_cast<const T*>(nullptr), p.b.cells + d * h, 2 * h,
                                  p.b.output + d * h, 2 * h, texts, h);
  });
}

/// Pools the output into the features of each text.
template <class T>
void pool_outputs(const Pass<T>& p) {
  const int64_t h = p.g.hidden, h2 = 2 * h, texts = p.batch.texts;
  if (p.g.pooling == Pooling::last) {
    p.c.kernels.gather_rows(p.b.output, h2, p.batch.last, texts, h, p.b.features, h2);
    p.c.kernels.gather_rows(p.b.output + h, h2, p.batch.first, texts, h, p.b.features + h, h2);
    return;
  }
  for_blocks(p.c.executor, texts, int64_t{8}, [&](int64_t begin, int64_t end, int32_t) {
    const int32_t* offsets = p.batch.pool_offsets + begin;
    T* out = p.b.features + begin * h2;
    if (p.g.pooling == Pooling::mean) {
      p.c.kernels.mean_pool_forward(p.b.output, h2, offsets, p.batch.pool_rows, end - begin, h2, out);
    } else {
      p.c.kernels.max_pool_forward(p.b.output, h2, offsets, p.batch.pool_rows, end - begin, h2, out,
                                   p.b.argmax == nullptr ? nullptr : p.b.argmax + begin * h2);
    }
  });
}

}  // namespace

template <class T>
void student_forward(const Compute<T>& compute, const StudentWeights<T>& weights, const StudentBatch& batch,
                     const StudentDropout& dropout, const StudentBuffers<T>& b) {
  const Geometry& g = *weights.geometry;
  const Pass<T> p{compute, weights, g, batch, dropout, b};
  const bool per_token = g.head_per_token();
  const int64_t h2 = 2 * g.hidden, classes = g.num_labels, rows = per_token ? batch.rows : batch.texts;
  const HeadDropout head_dropout{dropout.key, dropout.head, kHeadSite};
  if (g.has_ngrams()) {
    bag_forward(compute, weights.ngrams, g.ngram_width, batch.bag, b.ngrams);
    run_dropout(compute, dropout.key, dropout.ngrams, kNgramSite, b.ngrams, batch.texts * g.ngram_width);
  }
  if (g.kind == Kind::bag) {
    head_forward(compute, weights.head, b.ngrams, rows, b.head, head_dropout, b.logits);
    return;
  }
  if (g.kind == Kind::document) {
    document_outputs(p);
  } else {
    sequence_outputs(p);
    if (!per_token) pool_outputs(p);
  }
  if (b.features != b.output && per_token) {
    run_dropout_to(compute, *dropout.key, dropout.output, kOutputSite, b.output, rows * h2, b.features);
  } else {
    run_dropout(compute, dropout.key, dropout.output, kOutputSite, b.features, rows * h2);
  }
  const BesideRows<T> beside = beside_rows(g, batch, b);
  head_forward(compute, weights.head, b.features, rows, b.head, head_dropout,
               per_token ? b.token_logits : b.logits, g.has_ngrams() ? &beside : nullptr);
  if (!per_token) return;
  compute.kernels.max_pool_forward(b.token_logits, classes, batch.pool_offsets, batch.pool_rows, batch.texts,
                                   classes, b.logits, b.argmax);
}

#define MAQUE_INSTANTIATE(T)                                                                         \
  template void student_forward<T>(const Compute<T>&, const StudentWeights<T>&, const StudentBatch&, \
                                   const StudentDropout&, const StudentBuffers<T>&);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
