// Pooling over ragged texts: bits, ties, empty texts, rows given or not.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

struct Case {
  int64_t n, ldx;
  std::vector<int32_t> offsets, rows;
  std::vector<float> x, d_out;

  Case(int64_t n_, std::vector<int32_t> lengths, bool permuted, bool ties) : n(n_), ldx(n_ + 3), offsets{0} {
    for (int32_t length : lengths) offsets.push_back(offsets.back() + length);
    const int32_t tokens = offsets.back();
    if (permuted) {
      for (int32_t s = 0; s < tokens; ++s) rows.push_back(tokens - 1 - s);
    }
    Random random(static_cast<uint64_t>(n + tokens));
    x = random.vector(std::max<int64_t>(tokens, 1) * ldx);
    if (ties) {
      for (float& value : x) value = std::floor(value * 2.0f);
    }
    d_out = random.vector(batch() * n);
  }
  int64_t batch() const { return static_cast<int64_t>(offsets.size()) - 1; }
  const int32_t* row_data() const { return rows.empty() ? nullptr : rows.data(); }

  template <class K>
  auto operator()(const K& kernels) const {
    return run(kernels);
  }
  template <class T>
  std::vector<T> run(const Kernels<T>& kernels) const {
    Array<T> in(x), out(batch() * n), mean(batch() * n), sum(batch() * n), d(d_out), dx(x), dx_mean(x),
        argmax_copy(batch() * n);
    std::vector<int32_t> argmax(static_cast<size_t>(batch() * n), -9);
    kernels.max_pool_forward(in.data(), ldx, offsets.data(), row_data(), batch(), n, out.data(),
                             argmax.data());
    Array<T> without(batch() * n);
    kernels.max_pool_forward(in.data(), ldx, offsets.data(), row_data(), batch(), n, without.data(), nullptr);
    kernels.max_pool_backward(d.data(), argmax.data(), batch(), n, dx.data(), ldx);
    kernels.mean_pool_forward(in.data(), ldx, offsets.data(), row_data(), batch(), n, mean.data());
    kernels.sum_pool_forward(in.data(), ldx, offsets.data(), row_data(), batch(), n, sum.data());
    kernels.mean_pool_backward(d.data(), offsets.data(), row_data(), batch(), n, dx_mean.data(), ldx);
    for (size_t i = 0; i < argmax.size(); ++i) argmax_copy.data()[i] = T(argmax[i]);
    return collect<T>({&sum, &out, &without, &mean, &dx, &dx_mean, &argmax_copy});
  }
  size_t sums() const { return static_cast<size_t>(batch() * n); }
};

TEST(bits_and_errors) {
  for (int64_t n : row_sizes()) {
    for (bool permuted : {false, true}) {
      for (bool ties : {false, true}) {
        const Case c(n, {3, 0, 1, 12, 0, 40}, permuted, ties);
        const std::vector<float> got = check_flavours(c, "pooling");
        const std::vector<double> exact = c.run(kernels_ref_double);
        CHECK_LE(error_in(got, exact, 0, c.sums()), 1e-4);
        CHECK_LE(error_in(got, exact, c.sums(), got.size()), 4.8e-6);
      }
    }
  }
  check_flavours(Case(5, {}, false, false), "no texts");
  check_flavours(Case(5, {0, 0}, false, false), "only empty texts");
}

TEST(values_by_hand) {
  const float x[] = {1, 5, 3, 5, 3, -2};  // three tokens of two elements
  const int32_t offsets[] = {0, 3, 3}, rows[] = {2, 0, 1};
  float out[4], mean[4], sum[4], dx[6] = {};
  int32_t argmax[4];
  kernels().max_pool_forward(x, 2, offsets, rows, 2, 2, out, argmax);
  kernels().mean_pool_forward(x, 2, offsets, rows, 2, 2, mean);
  kernels().sum_pool_forward(x, 2, offsets, rows, 2, 2, sum);
  const float d_out[] = {10, 20, 30, 40};
  kernels().max_pool_backward(d_out, argmax, 2, 2, dx, 2);
  CHECK(out[0] == 3 && out[1] == 5 && out[2] == 0 && out[3] == 0);
  // The first maximum in the order of positions: row 2 for element 0, row 0 for element 1.
  CHECK(argmax[0] == 2 && argmax[1] == 0 && argmax[2] == -1 && argmax[3] == -1);
  CHECK(mean[0] == 7.0f / 3 && mean[1] == 8.0f / 3 && mean[2] == 0 && mean[3] == 0);
  CHECK(sum[0] == 7 && sum[1] == 8 && sum[2] == 0 && sum[3] == 0);
  CHECK(dx[4] == 10 && dx[1] == 20 && dx[0] == 0 && dx[2] == 0 && dx[3] == 0 && dx[5] == 0);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
