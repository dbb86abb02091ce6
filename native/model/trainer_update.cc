// Clipping by the global norm and one update of all trained tensors.
#include <math.h>

#include "core/error.h"
#include "model/trainer.h"

namespace maque {
namespace {

/// base^n by squaring: the same bits with every libm.
double power(double base, int64_t n) {
  double result = 1;
  for (; n > 0; n >>= 1, base *= base) {
    if (n & 1) result *= base;
  }
  return result;
}

}  // namespace

template <class T>
bool Trainer<T>::is_untouched(const Unit& unit, int64_t begin) const {
  return unit.tensor == 0 && touched_[begin / kSumChunk] == 0;
}

/// Partial sums of chunks, added in order in double.
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
  double sum = 0;
  for (int64_t i = 0; i < partial_sums_.size(); ++i) sum += static_cast<double>(partial_sums_[i]);
  return sqrt(sum);
}

template <class T>
void Trainer<T>::update_unit(const Unit& unit, double rate, double scale, double correction1,
                             double sqrt_correction2) {
  const TrainTensor<T>& t = tensors_[unit.tensor];
  const T lr = static_cast<T>(rate * t.rate_scale), decay = static_cast<T>(t.weight_decay);
  const bool sgd = options_.optimizer == Optimizer::sgd,
             plain = sgd && t.first == nullptr && t.weight_decay == 0;
  for (int64_t begin = unit.begin; begin < unit.end; begin += kSumChunk) {
    if (plain && is_untouched(unit, begin)) continue;
    const int64_t n = unit.end - begin < kSumChunk ? unit.end - begin : kSumChunk;
    if (sgd) {
      kernels_->sgd_step(t.value + begin, t.gradient + begin, t.first == nullptr ? nullptr : t.first + begin,
                         n, lr, static_cast<T>(options_.momentum), decay, static_cast<T>(scale));
    } else {
      kernels_->adam_step(t.value + begin, t.gradient + begin, t.first + begin, t.second + begin, n, lr,
                          options_.beta1, options_.beta2, static_cast<T>(options_.eps), decay,
                          static_cast<T>(correction1), static_cast<T>(sqrt_correction2),
                          static_cast<T>(scale));
    }
  }
}

template <class T>
Status Trainer<T>::update(double rate) {
  if (!has_gradients_) return fail(kBadState, "update needs the gradients of a batch first");
  double scale = 1;
  if (options_.clip_norm > 0) {
    if (norm_ < 0) norm_ = gradient_norm();
    const double clip = options_.clip_norm / (norm_ + 1e-6);
    if (clip < 1) scale = clip;
  }
  const int64_t t = step_options_.step + 1;
  const double correction1 = 1 - power(options_.beta1, t),
               sqrt_correction2 = sqrt(1 - power(options_.beta2, t));
  executor_.parallel_for(units_.size(), [&](int64_t i, int32_t) {
    update_unit(units_[i], rate, scale, correction1, sqrt_correction2);
  });
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
