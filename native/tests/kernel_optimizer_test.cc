// Updates and the sums around them: bits, errors, splits.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

struct Case {
  int64_t n;
  std::vector<float> w, grad, m, v;
  explicit Case(int64_t n_) : n(n_) {
    Random random(static_cast<uint64_t>(n));
    w = random.vector(n);
    grad = random.vector(n);
    m = random.vector(n);
    v = random.vector(n, 0.0f, 1.0f);
    for (size_t i = 0; i < v.size(); i += 5) v[i] = m[i] = grad[i] = 0.0f;  // never touched: 0 / (0 + eps)
  }
};

/// One step over units of the given size.
template <class T>
std::vector<T> sgd(const Kernels<T>& kernels, const Case& c, bool with_buffer, int64_t unit) {
  Array<T> w(c.w), grad(c.grad), buf(c.m);
  for (int64_t i = 0; i < c.n; i += unit) {
    kernels.sgd_step(w.data() + i, grad.data() + i, with_buffer ? buf.data() + i : nullptr,
                     std::min(unit, c.n - i), T(0.05f), T(0.9f), T(0.01f), T(0.7f));
  }
  return collect<T>({&w, &buf});
}

template <class T>
std::vector<T> adam(const Kernels<T>& kernels, const Case& c, double decay, int64_t unit) {
  Array<T> w(c.w), grad(c.grad), m(c.m), v(c.v);
  for (int64_t i = 0; i < c.n; i += unit) {
    kernels.adam_step(w.data() + i, grad.data() + i, m.data() + i, v.data() + i, std::min(unit, c.n - i),
                      T(1e-3f), 0.9, 0.999, T(1e-8f), T(decay), T(0.271f), T(0.0547f), T(0.5f));
  }
  return collect<T>({&w, &m, &v});
}

TEST(sgd_bits_errors_and_splits) {
  for (int64_t n : row_sizes()) {
    const Case c(n);
    for (bool buffer : {false, true}) {
      const auto run = [&](const auto& kernels) { return sgd(kernels, c, buffer, n); };
      const std::vector<float> whole = check_flavours(run, "sgd_step");
      CHECK_LE(max_error(whole, run(kernels_ref_double)), 3e-7);
      const std::vector<float> parts = sgd(kernels(), c, buffer, 7);
      CHECK_BITS(parts.data(), whole.data(), 2 * n, "split");
    }
  }
}

TEST(adam_bits_errors_and_splits) {
  for (int64_t n : row_sizes()) {
    const Case c(n);
    for (double decay : {0.0, 0.01}) {
      const auto run = [&](const auto& kernels) { return adam(kernels, c, decay, n); };
      const std::vector<float> whole = check_flavours(run, "adam_step");
      CHECK_LE(max_error(whole, run(kernels_ref_double)), 3e-7);
      const std::vector<float> parts = adam(kernels(), c, decay, 7);
      CHECK_BITS(parts.data(), whole.data(), 3 * n, "split");
    }
  }
}

TEST(adam_first_step_by_hand) {
  // After one step from m = v = 0 the update is lr * sign(g) (up to eps), whatever the gradient's size.
  float w[2] = {1, 1}, m[2] = {}, v[2] = {};
  const float grad[2] = {1e-3f, -50.0f};
  kernels().adam_step(w, grad, m, v, 2, 0.01f, 0.9, 0.999, 1e-8f, 0.0f, static_cast<float>(1 - 0.9),
                      static_cast<float>(std::sqrt(1 - 0.999)), 1.0f);
  CHECK_LE(std::fabs(w[0] - 0.99f), 1e-6f);
  CHECK_LE(std::fabs(w[1] - 1.01f), 1e-6f);
  CHECK_LE(std::fabs(v[1] - 2.5f), 1e-6f);
}

TEST(sum_of_squares) {
  for (int64_t n : {0, 1, 2, 15, 16, 17, 31, 33, 100, 1000, 4095, 4096}) {
    const Case c(n);
    const auto run = [&](const auto& kernels) {
      using T = ScalarOf<decltype(kernels)>;
      Array<T> x(c.w), sum(1, T(0));
      sum.data()[0] = kernels.sum_of_squares(x.data(), n);
      return collect<T>({&sum});
    };
    const std::vector<float> got = check_flavours(run, "sum_of_squares");
    const std::vector<double> truth = run(kernels_ref_double);
    CHECK_LE(max_error(got, truth), 2e-5 * truth[0]);
  }
}

TEST(column_sums_in_any_split) {
  for (int64_t n : row_sizes()) {
    for (int64_t rows : {0, 1, 30}) {
      const int64_t ld = n + 3;
      const std::vector<float> x = Random(static_cast<uint64_t>(n)).vector(rows * ld);
      const auto run = [&](const auto& kernels, int64_t unit) {
        using T = ScalarOf<decltype(kernels)>;
        Array<T> in(x), sums(n, T(0.5));
        for (int64_t j = 0; j < n; j += unit) {
          kernels.column_sums(in.data(), ld, rows, j, std::min(j + unit, n), sums.data());
        }
        return collect<T>({&sums});
      };
      const std::vector<float> whole =
          check_flavours([&](const auto& k) { return run(k, n); }, "column_sums");
      CHECK_LE(max_error(whole, run(kernels_ref_double, n)), 30 * 30 * 6e-8);
      const std::vector<float> parts = run(kernels(), 13);
      CHECK_BITS(parts.data(), whole.data(), n, "split");
    }
  }
}

TEST(add) {
  for (int64_t n : row_sizes()) {
    const Case c(n);
    const auto run = [&](const auto& kernels) {
      using T = ScalarOf<decltype(kernels)>;
      Array<T> x(c.w), y(c.grad);
      kernels.add(x.data(), n, y.data());
      return collect<T>({&y});
    };
    CHECK_LE(max_error(check_flavours(run, "add"), run(kernels_ref_double)), 1.3e-7);
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
