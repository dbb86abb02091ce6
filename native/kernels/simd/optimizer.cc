#include "kernels/optimizer.h"

#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

void sgd_step(float* w, const float* grad, float* buf, int64_t n, float lr, float momentum,
              float weight_decay, float scale) {
  const F rate = F::set1(lr), mu = F::set1(momentum), decay = F::set1(weight_decay), gain = F::set1(scale);
  for_lanes(n, [&](int64_t i, int64_t r) MAQUE_BODY {
    const F old = load(w + i, r);
    F g = fma(decay, old, gain * load(grad + i, r));
    if (buf != nullptr) {
      g = fma(mu, load(buf + i, r), g);
      store(g, buf + i, r);
    }
    store(fnma(rate, g, old), w + i, r);
  });
}

void adam_step(float* w, const float* grad, float* m, float* v, int64_t n, float lr, double beta1,
               double beta2, float eps, float weight_decay, float correction1, float sqrt_correction2,
               float scale) {
  const F decay = F::set1(lr * weight_decay), rate = F::set1(lr / correction1), gain = F::set1(scale);
  const F gain1 = F::set1(static_cast<float>(1 - beta1)), gain2 = F::set1(static_cast<float>(1 - beta2));
  const F keep2 = F::set1(static_cast<float>(beta2)), offset = F::set1(eps),
          divisor = F::set1(sqrt_correction2);
  for_lanes(n, [&](int64_t i, int64_t r) MAQUE_BODY {
    const F g = gain * load(grad + i, r), old_m = load(m + i, r), old_w = load(w + i, r);
    const F new_m = fma(gain1, g - old_m, old_m);
    const F new_v = fma(keep2, load(v + i, r), gain2 * (g * g));
    store(new_m, m + i, r);
    store(new_v, v + i, r);
    store(fnma(rate, new_m / (sqrt(new_v) / divisor + offset), fnma(decay, old_w, old_w)), w + i, r);
  });
}

float sum_of_squares(const float* x, int64_t n) {
  F squares = F::zero();
  for_lanes(n, [&](int64_t i, int64_t r) MAQUE_BODY {
    const F a = load(x + i, r);
    squares = fma(a, a, squares);
  });
  return sum(squares);
}

namespace {

/// Columns sums[0 .. 16 * kBlocks), r lanes each.
template <int kBlocks>
MAQUE_INLINE void sum_columns(const float* x, int64_t ldx, int64_t rows, int64_t r, float* sums) {
  F total[kBlocks];
  for (int b = 0; b < kBlocks; ++b) total[b] = load(sums + b * kLanes, r);
  for (int64_t i = 0; i < rows; ++i) {
    for (int b = 0; b < kBlocks; ++b) total[b] = total[b] + load(x + i * ldx + b * kLanes, r);
  }
  for (int b = 0; b < kBlocks; ++b) store(total[b], sums + b * kLanes, r);
}

}  // namespace

void column_sums(const float* x, int64_t ldx, int64_t rows, int64_t begin, int64_t end, float* sums) {
  int64_t j = begin;
  for (; j + 4 * kLanes <= end; j += 4 * kLanes) sum_columns<4>(x + j, ldx, rows, kLanes, sums + j);
  for (; j < end; j += kLanes) sum_columns<1>(x + j, ldx, rows, min_of(kLanes, end - j), sums + j);
}

void add(const float* x, int64_t n, float* y) {
  for_lanes(n, [&](int64_t i, int64_t r) MAQUE_BODY { store(load(y + i, r) + load(x + i, r), y + i, r); });
}

}  // namespace maque::MAQUE_ISA
