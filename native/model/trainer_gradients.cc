// One batch of training: forward, objective, backward.
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "model/sort.h"
#include "model/trainer.h"

namespace maque {
namespace {

bool is_finite(double x) { return x - x == 0; }

/// order[i]: rows sorted by ids; cut from the carver, filled where there is memory.
const int32_t* sorted(Carver* carver, const int32_t* ids, int64_t n) {
  int32_t* order = carver->take<int32_t>(n);
  int32_t* temporary = carver->take<int32_t>(n);
  if (order != nullptr) sort_rows(ids, n, order, temporary);
  return order;
}

}  // namespace

template <class T>
void Trainer<T>::objective(const Compute<T>& compute, const TrainBatch<T>& batch, const T* logits,
                           T* d_logits, ObjectiveReport<T>* report) {
  const StepOptions& s = step_options_;
  const ObjectiveWeights<T> weights{static_cast<T>(s.ce_weight), static_cast<T>(s.soft_weight),
                                    static_cast<T>(s.temperature), s.soft_loss};
  compute.kernels.objective(logits, batch.texts.count, model_.geometry.num_labels, batch.labels,
                            class_weights_.size() == 0 ? nullptr : class_weights_.data(), batch.soft,
                            batch.has_soft, weights, d_logits, report);
}

template <class T>
int64_t Trainer<T>::bert_pass(const TrainBatch<T>& batch, const T* rows, char* memory,
                              ObjectiveReport<T>* report) {
  const Geometry& g = model_.geometry;
  Carver carver(memory);
  BertBatch b;
  lay_out_bert_batch(&carver, batch.texts, g.first_row_only(), &b);
  if (trunk_kind() == 2) b.tokens = b.texts;  // the trunk's rows are all there is
  EmbeddingOrder order{};
  if (trunk_point_ == kFromIds) {
    int32_t* zeros = b.type_ids == nullptr ? carver.take<int32_t>(b.tokens) : nullptr;
    if (zeros != nullptr) memset(zeros, 0, static_cast<size_t>(b.tokens) * sizeof(int32_t));
    order.type_ids = b.type_ids == nullptr ? zeros : b.type_ids;
    order.by_word = sorted(&carver, b.ids, b.tokens);
    order.by_position = sorted(&carver, b.positions, b.tokens);
    order.by_type = sorted(&carver, order.type_ids, b.tokens);
  }
  BertBuffers<T> buffers;
  const BertSizes sizes{b.texts, b.tokens,          b.longest,    b.sum_of_squares, b.first_row_only,
                        true,    executor_.workers, trunk_point_, logits_point(g)};
  plan_bert_buffers(&carver, g, sizes, &buffers);
  T* d_logits = carver.take<T>(b.texts * g.num_labels);
  if (memory == nullptr) return carver.used();
  if (trunk_point_ != kFromIds) {
    const int64_t n = bert_point_row_count(g, b, trunk_point_) * bert_point_width(g, trunk_point_);
    memcpy(bert_point_rows(g, buffers, trunk_point_), rows, static_cast<size_t>(n) * sizeof(T));
  }
  const Compute<T> compute{*kernels_, executor_, gemm_scratch_.data()};
  const DropoutKey key{options_.seed, static_cast<uint32_t>(step_options_.step)};
  const BertDropout dropout{&key, options_.hidden_dropout, options_.attention_dropout, options_.head_dropout};
  bert_forward(compute, model_.bert, b, dropout, buffers, trunk_point_, logits_point(g));
  objective(compute, batch, buffers.logits, d_logits, report);
  if (!is_finite(static_cast<double>(report->loss))) return carver.used();
  bert_backward(compute, model_.bert, b, dropout, buffers, trunk_point_, d_logits, &order,
                gradient_pointers_.data());
  return carver.used();
}

template <class T>
int64_t Trainer<T>::student_pass(const TrainBatch<T>& batch, char* memory, ObjectiveReport<T>* report) {
  const Geometry& g = model_.geometry;
  Carver carver(memory);
  const int64_t n = batch.texts.count, tokens = batch.texts.tokens(), base = batch.texts.offsets[0];
  const int32_t* ids = batch.texts.ids == nullptr ? nullptr : batch.texts.ids + base;
  int32_t* offsets = carver.take<int32_t>(n + 1);
  for (int64_t i = 0; i <= n && offsets != nullptr; ++i)
    offsets[i] = static_cast<int32_t>(batch.texts.offsets[i] - base);
  StudentBatch b;
  const StudentLayout layout{true, true, options_.embedding_dropout == 0};
  lay_out_batch(&carver, g, ids, offsets, n, tokens, batch.texts.longest(), layout, &b);
  b.bag = batch.texts.bag();
  if (g.has_ngrams()) lay_out_bag(&carver, &b.bag);
  T* ngram_rows = carver.take<T>(b.bag.rows * g.ngram_width);
  StudentBuffers<T> buffers;
  const StudentSizes sizes{n,
                           tokens,
                           tokens + batch.texts.empty(),
                           true,
                           options_.output_dropout > 0,
                           gradient_pointers_[0] != nullptr};
  plan_student_buffers(&carver, g, sizes, &buffers);
  T* d_logits = carver.take<T>(n * g.num_labels);
  if (memory == nullptr) return carver.used();
  const Compute<T> compute{*kernels_, executor_, gemm_scratch_.data()};
  const DropoutKey key{options_.seed, static_cast<uint32_t>(step_options_.step)};
  const StudentDropout dropout{&key, options_.embedding_dropout, options_.output_dropout,
                               options_.head_dropout, options_.ngram_dropout};
  student_forward(compute, model_.student, b, dropout, buffers);
  objective(compute, batch, buffers.logits, d_logits, report);
  if (!is_finite(static_cast<double>(report->loss))) return carver.used();
  student_backward(compute, model_.student, b, dropout, buffers, d_logits, gradient_pointers_.data(),
                   ngram_rows);
  if (g.has_ngrams()) ngram_rows_ = {b.bag.row_ids, ngram_rows, b.bag.rows};
  return carver.used();
}

/// Zeroes what accumulates: every vector, the small tables, and of the large table the rows that the batch
/// before has touched; everything where gradients have been written from outside.
template <class T>
void Trainer<T>::clear_gradients() {
  for (int64_t i = 0; i < count_; ++i) {
    const TrainTensor<T>& t = tensors_[i];
    const bool table = model_.geometry.is_bert() && (i == kPosition || i == kType);
    const bool whole = t.spec.rank == 1 || table || gradients_written_;
    if (t.gradient != nullptr && whole) memset(t.gradient, 0, static_cast<size_t>(t.spec.size()) * sizeof(T));
  }
  gradients_written_ = false;
  ngram_rows_ = {};
  const int64_t width = tensors_[0].spec.dims[1];
  for (int64_t i = 0; i < touched_row_count_; ++i) {
    memset(tensors_[0].gradient + touched_rows_[i] * width, 0, static_cast<size_t>(width) * sizeof(T));
  }
  memset(touched_.data(), 0, static_cast<size_t>(touched_.size()));
  touched_row_count_ = 0;
}

/// Notes the rows of the table that this batch will give a gradient.
template <class T>
Status Trainer<T>::touch_rows(const Texts& texts) {
  if (tensors_[0].gradient == nullptr || model_.geometry.kind == Kind::bag) return kOk;
  const int64_t width = tensors_[0].spec.dims[1], n = texts.tokens();
  if (!touched_rows_.reserve(n))
    return fail(kOutOfMemory, "out of memory: %lld ids", static_cast<long long>(n));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t id = texts.ids[texts.offsets[0] + i];
    touched_rows_[i] = static_cast<int32_t>(id);
    for (int64_t c = id * width / kSumChunk; c <= ((id + 1) * width - 1) / kSumChunk; ++c) touched_[c] = 1;
  }
  touched_row_count_ = n;
  return kOk;
}

template <class T>
void Trainer<T>::read_gradient(int64_t tensor, T* out) const {
  const TrainTensor<T>& t = tensors_[tensor];
  const size_t bytes = static_cast<size_t>(t.spec.size()) * sizeof(T);
  if (!t.by_rows) {
    memcpy(out, t.gradient, bytes);
    return;
  }
  const int64_t width = t.spec.dims[1];
  memset(out, 0, bytes);
  for (int64_t r = 0; r < ngram_rows_.count; ++r) {
    memcpy(out + ngram_rows_.ids[r] * width, ngram_rows_.values + r * width,
           static_cast<size_t>(width) * sizeof(T));
  }
}

/// Of a table by rows, a row of zeros counts as one that the batch has not.
template <class T>
Status Trainer<T>::write_gradient(int64_t tensor, const T* in) {
  const TrainTensor<T>& t = tensors_[tensor];
  if (!t.by_rows) {
    memcpy(t.gradient, in, static_cast<size_t>(t.spec.size()) * sizeof(T));
    gradient_written(tensor);
    return kOk;
  }
  const int64_t width = t.spec.dims[1];
  if (!written_ids_.reserve(t.spec.dims[0]) || !written_rows_.reserve(t.spec.size()) ||
      !row_sums_.reserve(t.spec.dims[0]))
    return fail(kOutOfMemory, "out of memory: a gradient of %lld elements",
                static_cast<long long>(t.spec.size()));
  int64_t count = 0;
  for (int64_t row = 0; row < t.spec.dims[0]; ++row) {
    const T* from = in + row * width;
    bool zero = true;
    for (int64_t j = 0; j < width && zero; ++j) zero = from[j] == 0;
    if (zero) continue;
    written_ids_[count] = static_cast<int32_t>(row);
    memcpy(written_rows_.data() + count * width, from, static_cast<size_t>(width) * sizeof(T));
    ++count;
  }
  ngram_rows_ = {written_ids_.data(), written_rows_.data(), count};
  gradient_written(tensor);
  return kOk;
}

template <class T>
void Trainer<T>::gradient_written(int64_t tensor) {
  has_gradients_ = gradients_written_ = true;
  norm_ = -1;
  if (tensor == 0) memset(touched_.data(), 1, static_cast<size_t>(touched_.size()));
}

template <class T>
Status Trainer<T>::run_batch(const TrainBatch<T>& batch, const T* trunk_rows, ObjectiveReport<T>* report) {
  const bool bert = model_.geometry.is_bert();
  const int64_t bytes =
      bert ? bert_pass(batch, trunk_rows, nullptr, report) : student_pass(batch, nullptr, report);
  char* memory = arena_.reserve(bytes);
  if (memory == nullptr) return kOutOfMemory;
  if (!row_sums_.reserve(batch.texts.ngrams()))
    return fail(kOutOfMemory, "out of memory: %lld n-grams", static_cast<long long>(batch.texts.ngrams()));
  clear_gradients();
  if (Status s = touch_rows(batch.texts)) return s;
  if (bert) {
    bert_pass(batch, trunk_rows, memory, report);
  } else {
    student_pass(batch, memory, report);
  }
  return kOk;
}

template <class T>
Status Trainer<T>::gradients(const TrainBatch<T>& batch, double* report) {
  has_gradients_ = false;
  ngram_rows_ = {};  // they may lie in the arena
  refresh_weights();
  const T* rows = batch.trunk;
  if (trunk_point_ != kFromIds && rows == nullptr) {
    const int64_t count = trunk_kind() == 1 ? batch.texts.tokens() : batch.texts.count;
    const int64_t n = count * bert_point_width(model_.geometry, trunk_point_);
    if (!trunk_rows_.reserve(n))
      return fail(kOutOfMemory, "out of memory: %lld rows of the trunk", static_cast<long long>(count));
    if (Status s = trunk(batch.texts, trunk_rows_.data())) return s;
    rows = trunk_rows_.data();
  }
  ObjectiveReport<T> r{};
  if (Status s = run_batch(batch, rows, &r)) return s;
  norm_ = is_finite(static_cast<double>(r.loss)) ? gradient_norm() : 0;
  if (Status s = report_step(r, norm_, report)) return s;
  has_gradients_ = true;
  return kOk;
}

#define MAQUE_INSTANTIATE(T)                                            \
  template Status Trainer<T>::gradients(const TrainBatch<T>&, double*); \
  template void Trainer<T>::read_gradient(int64_t, T*) const;           \
  template Status Trainer<T>::write_gradient(int64_t, const T*);        \
  template void Trainer<T>::gradient_written(int64_t);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
