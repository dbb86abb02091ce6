#include "kernels/layer_norm.h"

#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

void layer_norm_forward(const float* x, const float* gamma, const float* beta, float eps, int64_t rows,
                        int64_t n, float* y, float* mean, float* rstd) {
  const float count = static_cast<float>(n);
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) {
    F total = F::zero();
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY { total = total + load(x + j, r); });
    const float mu_scalar = sum(total) / count;
    const F mu = F::set1(mu_scalar);
    F squares = F::zero();
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
      const F centred = first(load(x + j, r) - mu, r);
      squares = fma(centred, centred, squares);
    });
    const float r_scalar = 1.0f / __builtin_sqrtf(sum(squares) / count + eps);
    const F scale = F::set1(r_scalar);
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
      store(fma((load(x + j, r) - mu) * scale, load(gamma + j, r), load(beta + j, r)), y + j, r);
    });
    if (mean != nullptr) mean[i] = mu_scalar;
    if (rstd != nullptr) rstd[i] = r_scalar;
  }
}

void layer_norm_backward(const float* x, const float* gamma, const float* mean, const float* rstd,
                         const float* dy, int64_t rows, int64_t n, float* dx) {
  const float count = static_cast<float>(n);
  for (int64_t i = 0; i < rows; ++i, x += n, dy += n, dx += n) {
    const F mu = F::set1(mean[i]), scale = F::set1(rstd[i]);
    F total = F::zero(), total_xhat = F::zero();
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
      const F g = load(dy + j, r) * load(gamma + j, r);
      total = total + g;
      total_xhat = fma(g, (load(x + j, r) - mu) * scale, total_xhat);
    });
    const F mean_g = F::set1(sum(total) / count), mean_gx = F::set1(sum(total_xhat) / count);
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
      const F g = load(dy + j, r) * load(gamma + j, r);
      const F xhat = (load(x + j, r) - mu) * scale;
      store(scale * fnma(xhat, mean_gx, g - mean_g), dx + j, r);
    });
  }
}

namespace {

/// Columns j .. j + 16 * kBlocks - 1 (r lanes each) of the parameters' gradients.
template <int kBlocks>
MAQUE_INLINE void params_columns(const float* x, const float* mean, const float* rstd, const float* dy,
                                 int64_t rows, int64_t n, int64_t r, float* dgamma, float* dbeta) {
  F sum_gamma[kBlocks], sum_beta[kBlocks];
  for (int b = 0; b < kBlocks; ++b) {
    sum_gamma[b] = load(dgamma + b * kLanes, r);
    sum_beta[b] = load(dbeta + b * kLanes, r);
  }
  for (int64_t i = 0; i < rows; ++i) {
    const F mu = F::set1(mean[i]), scale = F::set1(rstd[i]);
    for (int b = 0; b < kBlocks; ++b) {
      const F d = load(dy + i * n + b * kLanes, r);
      sum_gamma[b] = fma(d, (load(x + i * n + b * kLanes, r) - mu) * scale, sum_gamma[b]);
      sum_beta[b] = sum_beta[b] + d;
    }
  }
  for (int b = 0; b < kBlocks; ++b) {
    store(sum_gamma[b], dgamma + b * kLanes, r);
    store(sum_beta[b], dbeta + b * kLanes, r);
  }
}

}  // namespace

void layer_norm_params_backward(const float* x, const float* mean, const float* rstd, const float* dy,
                                int64_t rows, int64_t n, int64_t begin, int64_t end, float* dgamma,
                                float* dbeta) {
  int64_t j = begin;
  for (; j + 2 * kLanes <= end; j += 2 * kLanes) {
    params_columns<2>(x + j, mean, rstd, dy + j, rows, n, kLanes, dgamma + j, dbeta + j);
  }
  for (; j < end; j += kLanes) {
    params_columns<1>(x + j, mean, rstd, dy + j, rows, n, min_of(kLanes, end - j), dgamma + j, dbeta + j);
  }
}

}  // namespace maque::MAQUE_ISA
