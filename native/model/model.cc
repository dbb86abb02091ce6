#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "kernels/dispatch.h"

namespace maque {

int64_t Texts::longest() const {
  int64_t longest = 0;
  for (int64_t i = 0; i < count; ++i) longest = length(i) > longest ? length(i) : longest;
  return longest;
}

int64_t Texts::empty() const {
  int64_t empty = 0;
  for (int64_t i = 0; i < count; ++i) empty += length(i) == 0 ? 1 : 0;
  return empty;
}

char* Scratch::reserve(int64_t n) {
  const int64_t half_more = memory.size() + memory.size() / 2;
  if (n <= memory.size() || memory.reserve(n > half_more ? n : half_more) || memory.reserve(n))
    return memory.data();
  fail(kOutOfMemory, "out of memory: scratch of %lld bytes", static_cast<long long>(n));
  return nullptr;
}

template <class T>
void Model<T>::plan(Carver* carver, const Geometry& g, int64_t backward_from) {
  if (g.is_bert()) {
    bert.plan(carver, g, arithmetic, backward_from);
  } else {
    student.plan(carver, g, arithmetic, backward_from == 0);
  }
}

template <class T>
bool Model<T>::pack_rest(const Compute<T>& compute, T* const* tensors) {
  if (geometry.is_bert()) return bert.pack_rest(compute, tensors);
  student.pack(compute, tensors);
  return true;
}

Status choose_arithmetic(Precision precision, Arithmetic* arithmetic) {
  *arithmetic = {precision, bf16_kernels(), &int8_kernels()};
  if (precision != Precision::bf16 || arithmetic->bf16 != nullptr) return kOk;
  const char* cap = getenv("MAQUE_MAX_ISA");
  return fail(kUnsupported, "precision bf16 needs %s: this processor has %s%s%s", kBf16Feature,
              cpu_features(), cap == nullptr ? "" : ", capped by MAQUE_MAX_ISA=", cap == nullptr ? "" : cap);
}

void lay_out_bert_batch(Carver* carver, const Texts& texts, bool first_row_only, BertBatch* batch) {
  const int64_t n = texts.count, tokens = texts.tokens(), base = texts.offsets[0];
  int32_t* offsets = carver->take<int32_t>(n + 1);
  int32_t* positions = carver->take<int32_t>(tokens);
  int64_t* squares = carver->take<int64_t>(n);
  *batch = {};
  batch->ids = texts.ids == nullptr ? nullptr : texts.ids + base;
  batch->type_ids = texts.type_ids == nullptr ? nullptr : texts.type_ids + base;
  batch->offsets = offsets;
  batch->positions = positions;
  batch->squares = squares;
  batch->texts = n;
  batch->tokens = tokens;
  batch->longest = texts.longest();
  batch->first_row_only = first_row_only;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t length = texts.length(i);
    if (offsets != nullptr) {
      squares[i] = batch->sum_of_squares;
      offsets[i] = static_cast<int32_t>(texts.offsets[i] - base);
      for (int64_t t = 0; t < length; ++t) positions[offsets[i] + t] = static_cast<int32_t>(t);
    }
    batch->sum_of_squares += length * length;
  }
  if (offsets != nullptr) offsets[n] = static_cast<int32_t>(tokens);
}

namespace {

/// Tokens of one chunk: enough for products of full speed, few enough for activations to stay in the caches.
/// Documents and bags are counted by texts.
constexpr int64_t kBertChunk = 1024, kSequenceChunk = 3072, kChunkTexts = 512;

template <class T>
struct Run {
  const Model<T>& model;
  const Kernels<T>& kernels;
  const Executor& executor;
  Scratch* scratch;
  const ForwardRequest<T>& request;
};

/// The texts [begin, ...) of the next chunk.
template <class T>
Texts next_chunk(const Run<T>& run, int64_t begin) {
  const Texts& all = run.request.texts;
  const Kind kind = run.model.geometry.kind;
  const int64_t most = kind == Kind::bert ? kBertChunk : kind == Kind::sequence ? kSequenceChunk : INT32_MAX;
  const int64_t most_texts = kind == Kind::document || kind == Kind::bag ? kChunkTexts : most;
  int64_t end = begin + 1;
  while (end < all.count && all.offsets[end + 1] - all.offsets[begin] <= most && end - begin < most_texts)
    ++end;
  const int32_t* bag_offsets = all.bag_offsets == nullptr ? nullptr : all.bag_offsets + begin;
  return {all.ids, all.offsets + begin, end - begin, all.type_ids, all.bag_ids, bag_offsets};
}

/// Cuts and, with memory, runs one chunk of bert. rows_done: rows at `from` and at `to` of the chunks before.
template <class T>
int64_t bert_chunk(const Run<T>& run, const Texts& texts, char* memory, int64_t* in_rows, int64_t* out_rows) {
  const Geometry& g = run.model.geometry;
  const BertPoint from = run.request.from, to = run.request.to;
  Carver carver(memory);
  BertBatch batch;
  BertBuffers<T> buffers;
  const bool first_row_only = g.first_row_only() && to != last_hidden_point(g);
  lay_out_bert_batch(&carver, texts, first_row_only, &batch);
  if (from >= g.layers && first_row_only) batch.tokens = batch.texts;  // the rows given are all there is
  const int32_t workers = run.executor.workers;
  const BertSizes sizes{
      batch.texts, batch.tokens, batch.longest, batch.sum_of_squares, first_row_only, false, workers, from,
      to};
  plan_bert_buffers(&carver, g, sizes, &buffers);
  T* gemm_scratch = carver.take<T>(workers * kGemmScratch);
  if (memory == nullptr) return carver.used();
  const Compute<T> compute{run.kernels, run.executor, gemm_scratch};
  if (from != kFromIds) {
    const int64_t n = bert_point_row_count(g, batch, from), width = bert_point_width(g, from);
    memcpy(bert_point_rows(g, buffers, from), run.request.rows + *in_rows * width,
           static_cast<size_t>(n * width) * sizeof(T));
    *in_rows += n;
  }
  bert_forward(compute, run.model.bert, batch, BertDropout{}, buffers, from, to);
  const int64_t n = bert_point_row_count(g, batch, to), width = bert_point_width(g, to);
  memcpy(run.request.out + *out_rows * width, bert_point_rows(g, buffers, to),
         static_cast<size_t>(n * width) * sizeof(T));
  *out_rows += n;
  return carver.used();
}

template <class T>
int64_t student_chunk(const Run<T>& run, const Texts& texts, char* memory, int64_t* out_rows) {
  const Geometry& g = run.model.geometry;
  Carver carver(memory);
  StudentBatch batch;
  StudentBuffers<T> buffers;
  const int64_t n = texts.count, tokens = texts.tokens(), base = texts.offsets[0];
  int32_t* offsets = carver.take<int32_t>(n + 1);
  for (int64_t i = 0; i <= n && offsets != nullptr; ++i)
    offsets[i] = static_cast<int32_t>(texts.offsets[i] - base);
  const int32_t* ids = texts.ids == nullptr ? nullptr : texts.ids + base;
  lay_out_batch(&carver, g, ids, offsets, n, tokens, texts.longest(), {false, true, true}, &batch);
  batch.bag = texts.bag();
  plan_student_buffers(&carver, g, {n, tokens, tokens + texts.empty(), false, false, false}, &buffers);
  T* gemm_scratch = carver.take<T>(run.executor.workers * kGemmScratch);
  if (memory == nullptr) return carver.used();
  const Compute<T> compute{run.kernels, run.executor, gemm_scratch};
  student_forward(compute, run.model.student, batch, StudentDropout{}, buffers);
  memcpy(run.request.out + *out_rows * g.num_labels, buffers.logits,
         static_cast<size_t>(n * g.num_labels) * sizeof(T));
  *out_rows += n;
  return carver.used();
}

}  // namespace

template <class T>
Status forward(const Model<T>& model, const Kernels<T>& kernels, const Executor& executor, Scratch* scratch,
               const ForwardRequest<T>& request) {
  const Run<T> run{model, kernels, executor, scratch, request};
  int64_t in_rows = 0, out_rows = 0;
  for (int64_t begin = 0; begin < request.texts.count;) {
    const Texts chunk = next_chunk(run, begin);
    const bool bert = model.geometry.is_bert();
    const int64_t bytes = bert ? bert_chunk(run, chunk, nullptr, &in_rows, &out_rows)
                               : student_chunk(run, chunk, nullptr, &out_rows);
    char* memory = scratch->reserve(bytes);
    if (memory == nullptr) return kOutOfMemory;
    if (bert) {
      bert_chunk(run, chunk, memory, &in_rows, &out_rows);
    } else {
      student_chunk(run, chunk, memory, &out_rows);
    }
    begin += chunk.count;
  }
  return kOk;
}

#define MAQUE_INSTANTIATE(T)                                                                \
  template struct Model<T>;                                                                 \
  template Status forward<T>(const Model<T>&, const Kernels<T>&, const Executor&, Scratch*, \
                             const ForwardRequest<T>&);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
