// Clipping by the global norm and one update of all trained tensors.
#include <math.h>

#include "core/error.h"
#include "model/trainer.h"

namespace maque {
template <class T>
bool Trainer<T>::is_untouched(const Unit& unit, int64_t begin) const {
  return unit.tensor == 0 && model_.geometry.kind != Kind::bag && touched_[begin / kSumChunk] == 0;
}

/// Partial sums of chunks, then of the rows of the table of n-grams, added in order in double.
template <class T>
double Trainer<T>::gradient_norm() {
  executor_.parallel_for(units_.size(), [&](int64_t i, int32_t) {
    const Unit& unit = units_[i];
    const T* gradient = tensors_[unit.tensor].gradient;
    int64_t chunk = unit.chunk;
    for (int64_t begin = unit.begin; begin < unit.end; begin += kSumChunk, ++chunk) {
      const int64_t n = unit.end - begin < kSumChunk ? unit.end - begin : kSumChunk;
      partial_sums_[chunk] = is_untouched(unit, begin) ? T{0} : kernels_->sum_of_squares(gradient + begin, n);
    }
  });
  const int64_t width = model_.geometry.ngram_width;
  for_blocks(executor_, ngram_rows_.count, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t r = begin; r < end; ++r)
      row_sums_[r] = kernels_->sum_of_squares(ngram_rows_.values + r * width, width);
  });
  double sum = 0;
  for (int64_t i = 0; i < partial_sums_.size(); ++i) sum += static_cast<double>(partial_sums_[i]);
  for (int64_t r = 0; r < ngram_rows_.count; ++r) sum += static_cast<double>(row_sums_[r]);
  return sqrt(sum);
}

/// n elements of a tensor from `begin`; gradient: theirs.
template <class T>
void Trainer<T>::update_piece(const TrainTensor<T>& t, int64_t begin, const T* gradient, int64_t n,
                              const Update& u) {
  const T lr = static_cast<T>(u.rate * t.rate_scale), decay = static_cast<T>(t.weight_decay),
          scale = static_cast<T>(u.scale);
  if (options_.optimizer == Optimizer::sgd) {
    T* momentum = t.first == nullptr ? nullptr : t.first + begin;
    kernels_->sgd_step(t.value + begin, gradient, momentum, n, lr, static_cast<T>(options_.momentum), decay,
                       scale);
    return;
  }
  kernels_->adam_step(t.value + begin, gradient, t.first + begin, t.second + begin, n, lr, options_.beta1,
                      options_.beta2, static_cast<T>(options_.eps), decay, static_cast<T>(u.correction1),
                      static_cast<T>(u.sqrt_correction2), scale);
}

template <class T>
void Trainer<T>::update_unit(const Unit& unit, const Update& update) {
  const TrainTensor<T>& t = tensors_[unit.tensor];
  const bool plain = options_.optimizer == Optimizer::sgd && t.first == nullptr && t.weight_decay == 0;
  for (int64_t begin = unit.begin; begin < unit.end; begin += kSumChunk) {
    if (plain && is_untouched(unit, begin)) continue;
    const int64_t n = unit.end - begin < kSumChunk ? unit.end - begin : kSumChunk;
    update_piece(t, begin, t.gradient + begin, n, update);
  }
}

template <class T>
void Trainer<T>::update_rows(const Update& update) {
  const RowGradient<T>& rows = ngram_rows_;
  const int64_t width = model_.geometry.ngram_width;
  for_blocks(executor_, rows.count, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    const TrainTensor<T>& table = tensors_[ngram_tensor(model_.geometry)];
    for (int64_t r = begin; r < end; ++r)
      update_piece(table, rows.ids[r] * width, rows.values + r * width, width, update);
  });
}

template <class T>
Status Trainer<T>::update(double rate) {
  if (!has_gradients_) return fail(kBadState, "update needs the gradients of a batch first");
  Update u{rate, 1, 0, 0};
  if (options_.clip_norm > 0) {
    if (norm_ < 0) norm_ = gradient_norm();
    const double clip = options_.clip_norm / (norm_ + 1e-6);
    if (clip < 1) u.scale = clip;
  }
  const Corrections corrections = corrections_after(options_, step_options_.step);
  u.correction1 = corrections.first;
  u.sqrt_correction2 = corrections.sqrt_second;
  executor_.parallel_for(units_.size(), [&](int64_t i, int32_t) { update_unit(units_[i], u); });
  update_rows(u);
  ++step_options_.step;
  has_gradients_ = false;
  trained_stale_ = true;
  return kOk;
}

#define MAQUE_INSTANTIATE(T)                   \
  template double Trainer<T>::gradient_norm(); \
  template Status Trainer<T>::update(double);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
