// Layer normalisation: bits on every flavour, error against double, splits of the parameters' gradients.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

struct Case {
  int64_t rows, n;
  std::vector<float> x, gamma, beta, dy;

  Case(int64_t rows_, int64_t n_) : rows(rows_), n(n_) {
    Random random(static_cast<uint64_t>(rows * 5000 + n));
    x = random.vector(rows * n, -2.0f, 2.0f);
    for (int64_t i = 0; i < rows; ++i) {  // |mean| up to 10 standard deviations, rows of different scales
      const float shift = random.uniform(-10.0f, 10.0f), scale = random.uniform(0.01f, 3.0f);
      for (int64_t j = 0; j < n; ++j)
        x[static_cast<size_t>(i * n + j)] = (x[static_cast<size_t>(i * n + j)] + shift) * scale;
    }
    gamma = random.vector(n, -1.5f, 1.5f);
    beta = random.vector(n);
    dy = random.vector(rows * n);
  }

  template <class K>
  auto operator()(const K& kernels) const {
    return run(kernels, false);
  }

  template <class T>
  std::vector<T> run(const Kernels<T>& kernels, bool in_place) const {
    Array<T> in(x), g(gamma), b(beta), d_out(dy), y(rows * n), mean(rows), rstd(rows), dx(rows * n), again(x);
    Array<T> dgamma(n, T(0.25)), dbeta(n, T(-0.5));
    const T eps = T(1e-12f);
    kernels.layer_norm_forward(in.data(), g.data(), b.data(), eps, rows, n, y.data(), mean.data(),
                               rstd.data());
    kernels.layer_norm_forward(again.data(), g.data(), b.data(), eps, rows, n, again.data(), nullptr,
                               nullptr);
    kernels.layer_norm_params_backward(in.data(), mean.data(), rstd.data(), d_out.data(), rows, n, 0, n,
                                       dgamma.data(), dbeta.data());
    kernels.layer_norm_backward(in.data(), g.data(), mean.data(), rstd.data(), d_out.data(), rows, n,
                                in_place ? d_out.data() : dx.data());
    return collect<T>({&y, &again, &mean, &rstd, &dgamma, &dbeta, in_place ? &d_out : &dx});
  }
};

TEST(bits) {
  for (int64_t n : row_sizes()) {
    for (int64_t rows : {0, 1, 3, 17}) check_flavours(Case(rows, n), "layer_norm");
  }
  check_flavours(Case(2, 4096), "layer_norm");
}

TEST(in_place_changes_nothing) {
  for (int64_t n : {1, 15, 16, 17, 384}) {
    const Case c(4, n);
    const std::vector<float> apart = c.run(kernels_ref, false);
    for (const Kernels<float>* kernels : simd_flavours()) {
      const std::vector<float> together = c.run(*kernels, true);
      CHECK_BITS(together.data(), apart.data(), static_cast<int64_t>(apart.size()), "dx over dy");
    }
  }
}

TEST(errors_are_within_the_header_bounds) {
  for (int64_t n : {2, 3, 16, 31, 100, 384, 768, 1000, 4096}) {
    const Case c(20, n);
    const std::vector<float> got = c.run(kernels_ref, false);
    const std::vector<double> truth = c.run(kernels_ref_double, false);
    const size_t elements = static_cast<size_t>(c.rows * c.n);
    const double* mean = truth.data() + 2 * elements;
    const double* rstd = mean + c.rows;
    double xhat = 0, rstd_max = 0;
    for (size_t i = 0; i < elements; ++i) {
      const size_t row = i / static_cast<size_t>(n);
      xhat = std::max(xhat, std::fabs((static_cast<double>(c.x[i]) - mean[row]) * rstd[row]));
      rstd_max = std::max(rstd_max, rstd[row]);
    }
    const double gamma = max_abs(c.gamma), beta = max_abs(c.beta), dy = max_abs(c.dy);
    CHECK_LE(error_in(got, truth, 0, 2 * elements), 4e-6 * (1 + gamma) * xhat + 4e-6 * beta);
    const size_t params = 2 * elements + 2 * static_cast<size_t>(c.rows), size = static_cast<size_t>(n);
    CHECK_LE(error_in(got, truth, params, params + 2 * size),
             4e-7 * static_cast<double>(c.rows) * dy * (1 + xhat));
    CHECK_LE(error_in(got, truth, params + 2 * size, got.size()),
             4e-6 * rstd_max * gamma * dy * (1 + xhat * xhat));
  }
}

TEST(parameter_gradients_do_not_depend_on_the_split) {
  const Case c(23, 300);
  const auto split = [&](const Kernels<float>& kernels, std::initializer_list<int64_t> cuts) {
    std::vector<float> y(c.x.size()), mean(23), rstd(23);
    kernels.layer_norm_forward(c.x.data(), c.gamma.data(), c.beta.data(), 1e-5f, c.rows, c.n, y.data(),
                               mean.data(), rstd.data());
    Array<float> dgamma(c.n, 1.0f), dbeta(c.n, 2.0f);
    int64_t begin = 0;
    for (int64_t end : cuts) {
      kernels.layer_norm_params_backward(c.x.data(), mean.data(), rstd.data(), c.dy.data(), c.rows, c.n,
                                         begin, end, dgamma.data(), dbeta.data());
      begin = end;
    }
    return collect<float>({&dgamma, &dbeta});
  };
  const std::vector<float> whole = split(kernels_ref, {300});
  for (const Kernels<float>* kernels : simd_flavours()) {
    const std::vector<float> parts = split(*kernels, {1, 17, 17, 64, 255, 300});
    CHECK_BITS(parts.data(), whole.data(), 600, "split");
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
