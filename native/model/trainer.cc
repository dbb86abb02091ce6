// Creation of a trainer: memory.
#include "model/trainer.h"

#include <string.h>

#include "core/error.h"

namespace maque {
namespace {

constexpr int64_t kUnit = 4 * kSumChunk;  // elements of one unit of an update

Status out_of_memory(int64_t bytes) {
  return fail(kOutOfMemory, "out of memory: a trainer of %lld bytes", static_cast<long long>(bytes));
}

}  // namespace

/// Cuts values, gradients and state from one block; a first round without it measures.
template <class T>
Status Trainer<T>::allocate_tensors(const T* const* values) {
  const Geometry& g = model_.geometry;
  count_ = maque::tensor_count(g);
  if (!tensors_.allocate_zeroed(count_) || !value_pointers_.allocate(count_) ||
      !gradient_pointers_.allocate(count_)) {
    return out_of_memory(count_ * static_cast<int64_t>(sizeof(TrainTensor<T>)));
  }
  const bool momentum = options_.optimizer == Optimizer::adamw || options_.momentum != 0;
  const bool second = options_.optimizer == Optimizer::adamw;
  for (int32_t round = 0; round < 2; ++round) {
    const bool measuring = round == 0;
    Carver carver(measuring ? nullptr : storage_.data());
    for (int64_t i = 0; i < count_; ++i) {
      TrainTensor<T>& t = tensors_[i] = describe_tensor<T>(g, options_, i);
      const int64_t n = t.spec.size();
      t.value = carver.take<T>(n);
      t.gradient = t.trained && !t.by_rows ? carver.take<T>(n) : nullptr;
      t.first = t.trained && momentum ? carver.take<T>(n) : nullptr;
      t.second = t.trained && second ? carver.take<T>(n) : nullptr;
      value_pointers_[i] = t.value;
      gradient_pointers_[i] = t.gradient;
      if (!measuring) memcpy(t.value, values[i], static_cast<size_t>(n) * sizeof(T));
    }
    if (measuring && !storage_.allocate_zeroed(carver.used() / static_cast<int64_t>(sizeof(T)))) {
      return out_of_memory(carver.used());
    }
  }
  return kOk;
}

/// Pieces of the trained tensors, each a whole number of chunks but for a tensor's last.
template <class T>
Status Trainer<T>::allocate_units() {
  int64_t units = 0, chunks = 0;
  for (int64_t i = 0; i < count_; ++i) {
    if (tensors_[i].gradient != nullptr) units += (tensors_[i].spec.size() + kUnit - 1) / kUnit;
  }
  if (!units_.allocate(units)) return out_of_memory(units * static_cast<int64_t>(sizeof(Unit)));
  int64_t next = 0;
  for (int64_t i = 0; i < count_; ++i) {
    if (tensors_[i].gradient == nullptr) continue;
    const int64_t n = tensors_[i].spec.size();
    for (int64_t begin = 0; begin < n; begin += kUnit) {
      const int64_t end = begin + kUnit < n ? begin + kUnit : n;
      units_[next++] = {static_cast<int32_t>(i), begin, end, chunks};
      chunks += (end - begin + kSumChunk - 1) / kSumChunk;
    }
  }
  const int64_t table_chunks = (tensors_[0].spec.size() + kSumChunk - 1) / kSumChunk;
  if (!partial_sums_.allocate_zeroed(chunks) || !touched_.allocate_zeroed(table_chunks))
    return out_of_memory(chunks);
  return kOk;
}

template <class T>
Status Trainer<T>::allocate_weights() {
  const Geometry& g = model_.geometry;
  const int64_t backward_from = first_trained_layer(g, trunk_point_);
  Carver measure(nullptr);
  model_.plan(&measure, g, backward_from);
  if (!packed_.allocate(measure.used()) || !gemm_scratch_.allocate(executor_.workers * kGemmScratch)) {
    return out_of_memory(measure.used());
  }
  Carver carver(packed_.data());
  model_.plan(&carver, g, backward_from);
  if (options_.class_weights == nullptr) return kOk;
  if (!class_weights_.allocate(g.num_labels)) return out_of_memory(g.num_labels);
  for (int64_t i = 0; i < g.num_labels; ++i) class_weights_[i] = static_cast<T>(options_.class_weights[i]);
  return kOk;
}

template <class T>
Status Trainer<T>::create(const Geometry& g, const TrainerOptions& options, const Kernels<T>& kernels,
                          const Executor& executor, const T* const* values) {
  model_.geometry = g;
  model_.arithmetic = options.arithmetic;
  options_ = options;
  kernels_ = &kernels;
  executor_ = executor;
  trunk_point_ = find_trunk_point(g, options);
  if (Status s = allocate_tensors(values)) return s;
  if (Status s = allocate_units()) return s;
  return allocate_weights();
}

/// Packs what has changed: everything, or what an update changes.
template <class T>
void Trainer<T>::refresh_weights() {
  if (!all_stale_ && !trained_stale_) return;
  const Compute<T> compute{*kernels_, executor_, gemm_scratch_.data()};
  model_.pack_rest(compute, value_pointers_.data());
  if (model_.geometry.is_bert()) {
    for (int64_t l = all_stale_ ? 0 : first_trained_layer(model_.geometry, trunk_point_);
         l < model_.geometry.layers; ++l) {
      model_.bert.pack_layer(compute, value_pointers_.data(), l);
    }
  }
  all_stale_ = trained_stale_ = false;
}

template <class T>
Status Trainer<T>::trunk(const Texts& texts, T* out) {
  if (trunk_point_ == kFromIds) return fail(kBadState, "this trainer has no trunk: all tensors are trained");
  refresh_weights();
  return maque::forward(model_, *kernels_, executor_, &forward_scratch_,
                        ForwardRequest<T>{texts, nullptr, kFromIds, trunk_point_, out});
}

template <class T>
Status Trainer<T>::forward(const Texts& texts, const T* rows, T* out) {
  refresh_weights();
  const BertPoint from = rows == nullptr ? kFromIds : trunk_point_;
  return maque::forward(model_, *kernels_, executor_, &forward_scratch_,
                        ForwardRequest<T>{texts, rows, from, logits_point(model_.geometry), out});
}

#define MAQUE_INSTANTIATE(T)                                                                    \
  template Status Trainer<T>::create(const Geometry&, const TrainerOptions&, const Kernels<T>&, \
                                     const Executor&, const T* const*);                         \
  template void Trainer<T>::refresh_weights();                                                  \
  template Status Trainer<T>::trunk(const Texts&, T*);                                          \
  template Status Trainer<T>::forward(const Texts&, const T*, T*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
