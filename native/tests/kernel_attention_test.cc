// Attention of one head over one text: bits on every flavour, strides, dropout, errors against double.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

struct Case {
  int64_t nq, nk, d, ld;
  bool with_dropout;
  std::vector<float> q, k, v, d_o;
  float scale;

  /// Rows lie ld = d + pad apart, as in a [tokens, hidden] matrix.
  Case(int64_t nq_, int64_t nk_, int64_t d_, int64_t pad, bool with_dropout_)
      : nq(nq_), nk(nk_), d(d_), ld(d_ + pad), with_dropout(with_dropout_) {
    Random random(static_cast<uint64_t>(nq * 1000003 + nk * 1009 + d));
    q = random.vector(nq * ld, -3.0f, 3.0f);
    k = random.vector(nk * ld, -3.0f, 3.0f);
    v = random.vector(nk * ld);
    d_o = random.vector(nq * ld);
    scale = 1.0f / std::sqrt(static_cast<float>(d));
  }

  template <class K>
  auto operator()(const K& kernels) const {
    return run(kernels);
  }
  template <class T>
  std::vector<T> run(const Kernels<T>& kernels) const {
    Array<T> q_(q), k_(k), v_(v), do_(d_o), probs(nq * nk), o(nq * ld), dq(nq * ld), dk(nk * ld), dv(nk * ld);
    Array<T> scratch(attention_scratch(nq, nk, d), T(NAN));
    const Dropout dropout = {0.2f, 77, 3, 1, 13};
    const Dropout* mask = with_dropout ? &dropout : nullptr;
    kernels.attention_forward(q_.data(), ld, k_.data(), ld, v_.data(), ld, nq, nk, d, T(scale), mask,
                              probs.data(), o.data(), ld, scratch.data());
    kernels.attention_backward(q_.data(), ld, k_.data(), ld, v_.data(), ld, probs.data(), do_.data(), ld, nq,
                               nk, d, T(scale), mask, dq.data(), ld, dk.data(), ld, dv.data(), ld,
                               scratch.data());
    CHECK(scratch.intact());
    return collect<T>({&o, &probs, &dq, &dk, &dv});
  }
};

TEST(bits_at_odd_sizes) {
  for (int64_t nk : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 129}) {
    for (int64_t d : {1, 3, 8, 16, 24, 32, 40, 64, 96}) {
      for (int64_t nq : {int64_t{1}, int64_t{5}, nk}) {
        check_flavours(Case(nq, nk, d, (nk + d) % 3 * 7, (nk + nq) % 2 == 0), "attention");
      }
    }
  }
  check_flavours(Case(0, 0, 32, 0, true), "no tokens");
  check_flavours(Case(3, 0, 32, 0, false), "no keys");
  check_flavours(Case(0, 5, 32, 0, false), "no queries");
}

TEST(bits_at_the_models_sizes) {
  for (int64_t n : {128, 300, 512}) {
    for (int64_t d : {32, 64}) {
      for (bool dropout : {false, true}) check_flavours(Case(n, n, d, 384 - d, dropout), "attention");
    }
  }
}

TEST(errors_are_within_the_header_bounds) {
  for (int64_t nk : {1, 2, 17, 64, 130, 512}) {
    for (int64_t d : {8, 32, 64, 128}) {
      for (bool dropout : {false, true}) {
        const Case c(std::min<int64_t>(nk, 40), nk, d, 0, dropout);
        const std::vector<float> got = c.run(kernels_ref);
        const std::vector<double> truth = c.run(kernels_ref_double);
        const size_t outputs = c.q.size(), probs = outputs + static_cast<size_t>(c.nq * c.nk);
        const double v = max_abs(c.v), d_o = max_abs(c.d_o), qk = std::max(max_abs(c.q), max_abs(c.k));
        CHECK_LE(error_in(got, truth, 0, outputs), 2e-5 * v);
        CHECK_LE(error_in(got, truth, outputs, probs), 2e-5);
        const size_t values = got.size() - c.v.size();
        const double spread = static_cast<double>(d) * static_cast<double>(c.scale);
        CHECK_LE(error_in(got, truth, probs, values), 5e-7 * spread * v * d_o * qk);
        CHECK_LE(error_in(got, truth, values, got.size()), 2e-7 * static_cast<double>(c.nq) * d_o);
      }
    }
  }
}

TEST(one_key_passes_its_value_through) {
  const float q[2] = {1, 2}, k[2] = {3, -4}, v[2] = {5, 6};
  for (const Kernels<float>* kernels : simd_flavours()) {
    std::vector<float> scratch(static_cast<size_t>(attention_scratch(1, 1, 2)));
    float probs[1], o[2];
    kernels->attention_forward(q, 2, k, 2, v, 2, 1, 1, 2, 1.0f, nullptr, probs, o, 2, scratch.data());
    CHECK(probs[0] == 1 && o[0] == 5 && o[1] == 6);
  }
}

TEST(large_scores_stay_finite) {
  for (const Kernels<float>* kernels : simd_flavours()) {
    Case c(20, 33, 16, 0, false);
    for (float& x : c.q) x *= 1e4f;
    for (float x : c.run(*kernels)) CHECK(std::isfinite(x));
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
