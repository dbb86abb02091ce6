// Attention over a ragged batch on an emulated GPU: ref in double, one head of one text at a time, within the
// bounds of kernels/attention.h; the same bits for every order of threads; the CPU's dropout mask.
#include "kernels/ref/attention.h"

#include <algorithm>

#include "kernels/bf16.h"
#include "tests/cuda/aligned_halves.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

struct Case {
  std::vector<int32_t> offsets = {0};
  std::vector<int64_t> squares;
  int64_t heads, d, ld, longest = 0, tokens = 0, texts = 0, queries;
  bool first_only, dropout;
  std::vector<float> q, k, v, d_o;
  float scale;

  Case(std::initializer_list<int32_t> lengths, int64_t heads_, int64_t d_, bool first_only_, bool dropout_)
      : heads(heads_), d(d_), ld(heads_ * d_ + 3), first_only(first_only_), dropout(dropout_) {
    int64_t scores = 0;
    for (int32_t n : lengths) {
      offsets.push_back(offsets.back() + n);
      squares.push_back(scores);
      scores += static_cast<int64_t>(n) * n;
      longest = std::max<int64_t>(longest, n);
    }
    texts = static_cast<int64_t>(lengths.size());
    tokens = offsets.back();
    queries = first_only ? texts : tokens;
    Random random(static_cast<uint64_t>(tokens * 1009 + d));
    q = random.vector(queries * ld, -3.0f, 3.0f);
    k = random.vector(tokens * ld, -3.0f, 3.0f);
    v = random.vector(tokens * ld);
    d_o = random.vector(queries * ld);
    scale = 1.0f / std::sqrt(static_cast<float>(d));
  }
  Dropout mask() const { return {dropout ? 0.2f : 0.0f, 77, 3, 1, 13}; }
  size_t rows(int64_t n) const { return static_cast<size_t>(n * ld); }

  /// o, dq, dk, dv one after the other.
  std::vector<float> run() const {
    Array<float> q_(q), k_(k), v_(v), do_(d_o), o(queries * ld), dq(queries * ld), dk(tokens * ld),
        dv(tokens * ld), log_sums(heads * queries), row_sums(heads * queries);
    const cuda::AttentionBatch b = {q_.data(), k_.data(),      v_.data(), ld,     ld,
                                    ld,        offsets.data(), texts,     heads,  d,
                                    longest,   first_only,     scale,     mask(), squares.data()};
    check_launched(cuda::attention_forward(nullptr, b, queries, o.data(), ld, log_sums.data()));
    const cuda::AttentionGradients g = {
        o.data(),  do_.data(), ld, ld, log_sums.data(), row_sums.data(), dq.data(), dk.data(),
        dv.data(), ld,         ld, ld};
    check_launched(cuda::attention_backward(nullptr, b, queries, g));
    CHECK(log_sums.intact() && row_sums.intact());
    return collect<float>({&o, &dq, &dk, &dv});
  }

  /// The same in bf16; q, k, v and d_o are bf16 numbers.
  std::vector<float> run_bf16() const {
    const int64_t ld8 = (ld + 7) / 8 * 8;
    const auto halves = [&](const std::vector<float>& x) {
      AlignedHalves y(static_cast<int64_t>(x.size()) / ld * ld8, 0xFFFF);
      for (size_t e = 0; e < x.size(); ++e)
        y.data()[static_cast<int64_t>(e) / ld * ld8 + static_cast<int64_t>(e) % ld] = to_bf16(x[e]);
      return y;
    };
    const std::vector<float> untouched_queries(rows(queries), -77), untouched_keys(rows(tokens), -77);
    AlignedHalves q_ = halves(q), k_ = halves(k), v_ = halves(v), d_ = halves(d_o),
                  o = halves(untouched_queries), dq = o, dk = halves(untouched_keys), dv = dk;
    Array<float> log_sums(heads * queries), row_sums(heads * queries);
    const cuda::AttentionBf16Batch b = {q_.data(), k_.data(),      v_.data(), ld8,    ld8,
                                        ld8,       offsets.data(), texts,     heads,  d,
                                        longest,   first_only,     scale,     mask(), squares.data()};
    check_launched(cuda::attention_bf16_forward(nullptr, b, queries, o.data(), ld8, log_sums.data()));
    const cuda::AttentionBf16Gradients g = {
        o.data(),  d_.data(), ld8, ld8, log_sums.data(), row_sums.data(), dq.data(), dk.data(),
        dv.data(), ld8,       ld8, ld8};
    check_launched(cuda::attention_bf16_backward(nullptr, b, queries, g));
    CHECK(log_sums.intact() && row_sums.intact());
    std::vector<float> all;
    const auto append = [&](AlignedHalves* x, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < ld; ++j) all.push_back(from_bf16(x->data()[i * ld8 + j]));
        for (int64_t j = ld; j < ld8; ++j) CHECK_EQ(x->data()[i * ld8 + j], 0xFFFF);
      }
    };
    append(&o, queries), append(&dq, queries), append(&dk, tokens), append(&dv, tokens);
    return all;
  }

  void check_bf16() {
    for (auto* x : {&q, &k, &v, &d_o}) {
      for (float& y : *x) y = from_bf16(to_bf16(y));
    }
    const std::vector<float> got = run_bf16(), again = run_bf16();
    CHECK_BITS(again.data(), got.data(), static_cast<int64_t>(got.size()), "another order of threads");
    const std::vector<double> exact = truth();
    const double most_v = max_abs(v), most_do = max_abs(d_o), qk = std::max(max_abs(q), max_abs(k));
    const size_t at_dq = rows(queries), at_dv = 2 * at_dq + rows(tokens);
    const double spread = static_cast<double>(d) * static_cast<double>(scale);
    CHECK_LE(error_in(got, exact, 0, at_dq), 6e-3 * most_v);
    CHECK_LE(error_in(got, exact, at_dq, at_dv), 1e-3 * spread * most_v * most_do * qk);
    CHECK_LE(error_in(got, exact, at_dv, got.size()), (6e-3 + 3e-4 * static_cast<double>(longest)) * most_do);
  }

  std::vector<double> truth() const {
    Array<double> q_(q), k_(k), v_(v), do_(d_o), o(queries * ld), dq(queries * ld), dk(tokens * ld),
        dv(tokens * ld);
    for (int64_t t = 0; t < texts; ++t) {
      const int64_t begin = offsets[static_cast<size_t>(t)], nk = offsets[static_cast<size_t>(t) + 1] - begin;
      const int64_t nq = first_only ? 1 : nk, row = first_only ? t : begin;
      if (nq == 0) continue;
      for (int64_t h = 0; h < heads; ++h) {
        Dropout drop = mask();
        const int64_t before = first_only ? begin : squares[static_cast<size_t>(t)];
        drop.offset += static_cast<uint64_t>(heads * before + h * nq * nk);
        std::vector<double> probs(static_cast<size_t>(nq * nk)), scratch(probs.size() * 2);
        const int64_t at_q = row * ld + h * d, at_k = begin * ld + h * d;
        ref::attention_forward(q_.data() + at_q, ld, k_.data() + at_k, ld, v_.data() + at_k, ld, nq, nk, d,
                               static_cast<double>(scale), dropout ? &drop : nullptr, probs.data(),
                               o.data() + at_q, ld, scratch.data());
        ref::attention_backward(q_.data() + at_q, ld, k_.data() + at_k, ld, v_.data() + at_k, ld,
                                probs.data(), do_.data() + at_q, ld, nq, nk, d, static_cast<double>(scale),
                                dropout ? &drop : nullptr, dq.data() + at_q, ld, dk.data() + at_k, ld,
                                dv.data() + at_k, ld, scratch.data());
      }
    }
    return collect<double>({&o, &dq, &dk, &dv});
  }

  void check() const {
    const std::vector<float> got = run(), again = run();
    CHECK_BITS(again.data(), got.data(), static_cast<int64_t>(got.size()), "another order of threads");
    const std::vector<double> exact = truth();
    const double most_v = max_abs(v), most_do = max_abs(d_o), qk = std::max(max_abs(q), max_abs(k));
    const size_t at_dq = rows(queries), at_dv = 2 * at_dq + rows(tokens);
    CHECK_LE(error_in(got, exact, 0, at_dq), 2e-5 * most_v);
    const double spread = static_cast<double>(d) * static_cast<double>(scale);
    CHECK_LE(error_in(got, exact, at_dq, at_dv), 5e-7 * spread * most_v * most_do * qk + 2e-6 * most_do * qk);
    CHECK_LE(error_in(got, exact, at_dv, got.size()),
             2e-7 * static_cast<double>(longest) * most_do + 2e-6 * most_do);
  }
};

TEST(ragged_batches) {
  for (bool dropout : {false, true}) {
    for (bool first_only : {false, true}) {
      Case({1, 5, 33}, 2, 8, first_only, dropout).check();
      Case({3, 0, 32, 2}, 1, 33, first_only, dropout).check();
    }
  }
}

TEST(tensor_cores) {
  for (bool dropout : {false, true}) {
    for (bool first_only : {false, true}) {
      Case({1, 5, 70}, 2, 16, first_only, dropout).check_bf16();
      Case({3, 0, 64, 2}, 1, 40, first_only, dropout).check_bf16();
    }
  }
  for (int64_t d : {8, 32, 64, 96, 128}) Case({66}, 1, d, false, d == 64).check_bf16();
  Case({130}, 1, 32, false, true).check_bf16();  // three tiles
}

TEST_ON_EMULATION(tensor_cores_refuse_old_devices_and_crooked_arrays) {
  AlignedHalves x(64, 0), o(64, 0);
  float log_sums[2];
  const int32_t offsets[2] = {0, 2};
  cuda::AttentionBf16Batch b = {x.data(), x.data(), x.data(), 8,     8,    8,  offsets, 1,
                                1,        8,        2,        false, 1.0f, {}, nullptr};
  CHECK_EQ(cuda::attention_bf16_forward(nullptr, b, 2, o.data(), 8, log_sums), cuda::kSuccess);
  CHECK_EQ(cuda::attention_bf16_forward(nullptr, b, 2, o.data() + 1, 8, log_sums), cuda::kInvalidValue);
  b.ldk = 12;
  CHECK_EQ(cuda::attention_bf16_forward(nullptr, b, 2, o.data(), 8, log_sums), cuda::kInvalidValue);
  cuda::AttentionBf16Gradients g = {o.data(), x.data(), 8,        8, log_sums, log_sums,
                                    o.data(), o.data(), o.data(), 8, 8,        8};
  b.ldk = 8, b.d = 4;
  CHECK_EQ(cuda::attention_bf16_backward(nullptr, b, 2, g), cuda::kInvalidValue);
  b.d = 8, g.dv = o.data() + 1;
  CHECK_EQ(cuda::attention_bf16_backward(nullptr, b, 2, g), cuda::kInvalidValue);
  emulation::device().capability = 75;
  CHECK_EQ(cuda::attention_bf16_forward(nullptr, b, 2, o.data(), 8, log_sums), cuda::kInvalidDeviceFunction);
  emulation::device().capability = 90;
}

TEST(every_size_of_a_head) {
  for (int64_t d : {1, 3, 16, 31, 32, 64, 65, 96, 128}) Case({2, 37}, 1, d, false, d % 2 == 0).check();
}

TEST(long_texts_and_many_heads) {
  Case({70, 1, 65}, 3, 12, false, true).check();
  Case({}, 3, 12, false, true).check();
}

TEST(large_scores_stay_finite) {
  Case c({40}, 1, 16, false, false);
  for (float& x : c.q) x *= 1e4f;
  for (float x : c.run()) CHECK(std::isfinite(x));
}

TEST(impossible_batches_are_refused) {
  Case c({4}, 1, 8, false, false);
  cuda::AttentionBatch b = {c.q.data(), c.k.data(), c.v.data(), c.ld,  c.ld, c.ld,     c.offsets.data(), 1,
                            1,          129,        4,          false, 1.0f, c.mask(), nullptr};
  CHECK_EQ(cuda::attention_forward(nullptr, b, 4, nullptr, c.ld, nullptr), cuda::kInvalidValue);
  CHECK_EQ(cuda::attention_backward(nullptr, b, 4, {}), cuda::kInvalidValue);
  b.d = 8, b.texts = 70000;
  CHECK_EQ(cuda::attention_forward(nullptr, b, 4, nullptr, c.ld, nullptr), cuda::kInvalidValue);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
