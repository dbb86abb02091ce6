// What exists on a GPU only: fused operations against the operations that they are made of, sums over many
// rows.
#include <algorithm>

#include "kernels/bf16.h"
#include "kernels/cuda/cuda_list.h"
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

Dropout drop(float p) { return {p, 5, 7, 2, 3}; }

TEST(bias_and_activation) {
  Random random(1);
  const int64_t rows = 7, n = 37;
  const std::vector<float> x = random.vector(rows * n, -3, 3), bias = random.vector(n);
  for (Activation act : {Activation::none, Activation::relu, Activation::gelu_erf}) {
    std::vector<float> sum = x, expected(x.size());
    for (size_t e = 0; e < x.size(); ++e) sum[e] += bias[e % static_cast<size_t>(n)];
    kernels_ref.activation_forward(act, sum.data(), rows * n, expected.data());
    Array<float> pre(rows * n), y(x);
    check_launched(
        cuda::bias_activation_forward(nullptr, act, y.data(), bias.data(), rows, n, pre.data(), y.data()));
    CHECK_BITS(pre.data(), sum.data(), rows * n, "pre-activation");
    CHECK_BITS(y.data(), expected.data(), rows * n, "activation");
    CHECK(pre.intact() && y.intact());
  }
}

void check_rounded(const std::vector<uint16_t>& got, const Array<float>& x) {
  for (size_t e = 0; e < got.size(); ++e) CHECK_EQ(got[e], to_bf16(x.data()[e]));
}

/// Rows of LayerNorm with dropout and residual before it.
struct NormCase {
  int64_t rows, n;
  Dropout dropout;
  std::vector<float> x, residual, gamma, beta, dy;
  NormCase(int64_t rows_, int64_t n_, float p) : rows(rows_), n(n_), dropout(drop(p)) {
    Random random(static_cast<uint64_t>(rows * 1000 + n));
    x = random.vector(rows * n), residual = random.vector(rows * n), dy = random.vector(rows * n);
    gamma = random.vector(n), beta = random.vector(n);
  }

  std::vector<float> fused() const {
    Array<float> sum(rows * n), y(rows * n), mean(rows), rstd(rows), d_residual(dy), dx(rows * n);
    std::vector<uint16_t> y_bf16(x.size()), dx_bf16(x.size());
    check_launched(cuda::layer_norm_residual_forward(nullptr, x.data(), dropout, residual.data(),
                                                     gamma.data(), beta.data(), 1e-5f, rows, n, sum.data(),
                                                     y.data(), y_bf16.data(), mean.data(), rstd.data()));
    check_launched(cuda::layer_norm_residual_backward(nullptr, sum.data(), gamma.data(), mean.data(),
                                                      rstd.data(), dropout, d_residual.data(), rows, n,
                                                      d_residual.data(), dx.data(), dx_bf16.data()));
    check_rounded(y_bf16, y);
    check_rounded(dx_bf16, dx);
    return collect<float>({&sum, &y, &mean, &rstd, &d_residual, &dx});
  }

  std::vector<float> apart() const {
    const Kernels<float>& k = kernels_ref;
    Array<float> sum(rows * n), y(rows * n), mean(rows), rstd(rows), d_residual(rows * n), dx(rows * n);
    k.dropout(dropout, x.data(), rows * n, sum.data());
    k.add(residual.data(), rows * n, sum.data());
    k.layer_norm_forward(sum.data(), gamma.data(), beta.data(), 1e-5f, rows, n, y.data(), mean.data(),
                         rstd.data());
    k.layer_norm_backward(sum.data(), gamma.data(), mean.data(), rstd.data(), dy.data(), rows, n,
                          d_residual.data());
    k.dropout(dropout, d_residual.data(), rows * n, dx.data());
    return collect<float>({&sum, &y, &mean, &rstd, &d_residual, &dx});
  }
};

TEST(norm_with_dropout_and_residual) {
  for (float p : {0.0f, 0.3f}) {
    for (int64_t n : {1, 15, 16, 33, 100}) {
      for (int64_t rows : {0, 1, 9}) {
        const NormCase c(rows, n, p);
        const std::vector<float> got = c.fused(), expected = c.apart();
        CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), "fused");
      }
    }
  }
}

/// LayerNorm where nothing but the rounded gradient is wanted, and y lies where the sum was.
TEST(norm_in_place) {
  const NormCase c(9, 33, 0.3f);
  const std::vector<float> expected = c.apart();
  const int64_t n = 9 * 33;
  Array<float> x(c.x);
  check_launched(cuda::layer_norm_residual_forward(nullptr, x.data(), c.dropout, c.residual.data(),
                                                   c.gamma.data(), c.beta.data(), 1e-5f, 9, 33, x.data(),
                                                   x.data(), nullptr, nullptr, nullptr));
  CHECK_BITS(x.data(), expected.data() + n, n, "y in place");
  Array<float> dy(c.dy), dx(n);
  std::vector<uint16_t> dx_bf16(static_cast<size_t>(n));
  const float* statistics = expected.data() + 2 * n;
  check_launched(cuda::layer_norm_residual_backward(nullptr, expected.data(), c.gamma.data(), statistics,
                                                    statistics + 9, c.dropout, dy.data(), 9, 33, dy.data(),
                                                    nullptr, dx_bf16.data()));
  std::copy(expected.end() - n, expected.end(), dx.data());
  check_rounded(dx_bf16, dx);
}

/// The three embeddings, LayerNorm and dropout at once.
TEST(norm_of_embeddings) {
  for (float p : {0.0f, 0.3f}) {
    for (bool typed : {true, false}) {
      const int64_t rows = 9, n = 33;
      const NormCase c(rows, n, p);
      Random random(8);
      const std::vector<float> word = random.vector(20 * n), position = random.vector(10 * n),
                               type = random.vector(2 * n);
      std::vector<int32_t> ids, positions, types;
      for (int32_t i = 0; i < rows; ++i) {
        ids.push_back(static_cast<int32_t>(random.below(20)));
        positions.push_back(i), types.push_back(i % 2);
      }
      const int32_t* type_ids = typed ? types.data() : nullptr;
      Array<float> sum(rows * n), y(rows * n), mean(rows), rstd(rows), expected_sum(rows * n),
          expected(rows * n);
      std::vector<uint16_t> y_bf16(static_cast<size_t>(rows * n));
      check_launched(cuda::embedding_norm_forward(nullptr, {word.data(), position.data(), type.data()},
                                                  {ids.data(), positions.data(), type_ids}, c.gamma.data(),
                                                  c.beta.data(), 1e-5f, c.dropout, rows, n, sum.data(),
                                                  y.data(), y_bf16.data(), mean.data(), rstd.data()));
      const Kernels<float>& k = kernels_ref;
      k.embedding_sum_forward(word.data(), position.data(), type.data(), ids.data(), positions.data(),
                              type_ids, rows, n, expected_sum.data());
      CHECK_BITS(sum.data(), expected_sum.data(), rows * n, "sum");
      k.layer_norm_forward(expected_sum.data(), c.gamma.data(), c.beta.data(), 1e-5f, rows, n,
                           expected.data(), nullptr, nullptr);
      k.dropout(c.dropout, expected.data(), rows * n, expected.data());
      CHECK_BITS(y.data(), expected.data(), rows * n, "y");
      check_rounded(y_bf16, y);
    }
  }
}

/// Gradients of the tables: of rows that lie in one stretch, or are few, by ref; the others by stretches.
struct TableCase {
  int64_t rows, n = 37;
  std::vector<int32_t> ids[3], order[3];
  std::vector<float> dy, tables[3];

  explicit TableCase(int64_t count) : rows(count) {
    Random random(static_cast<uint64_t>(rows));
    dy = random.vector(rows * n);
    const int64_t below[] = {50, 5, 1};  // runs of all lengths
    for (int t = 0; t < 3; ++t) {
      for (int64_t i = 0; i < rows; ++i) {
        ids[t].push_back(static_cast<int32_t>(random.below(below[t])));
        order[t].push_back(static_cast<int32_t>(i));
      }
      std::stable_sort(order[t].begin(), order[t].end(), [&](int32_t a, int32_t b) {
        return ids[t][static_cast<size_t>(a)] < ids[t][static_cast<size_t>(b)];
      });
      tables[t] = random.vector(below[t] * n);
    }
  }
  size_t row(int t, int64_t place) const { return static_cast<size_t>(order[t][static_cast<size_t>(place)]); }
  int32_t id(int t, int64_t place) const { return ids[t][row(t, place)]; }

  std::vector<float> expected(int t) const {
    std::vector<float> table = tables[t];
    for (int64_t begin = 0, end = 0; begin < rows; begin = end) {
      while (end < rows && id(t, end) == id(t, begin)) ++end;
      const bool whole = end - begin <= 64 || begin / 64 == (end - 1) / 64;
      for (int64_t j = 0; j < n; ++j) {
        float* to = &table[static_cast<size_t>(id(t, begin) * n + j)];
        for (int64_t from = begin; from < end;) {
          const int64_t stop = whole ? end : std::min(end, (from / 64 + 1) * 64);
          float part = whole ? *to : 0;
          for (; from < stop; ++from)
            part += dy[row(t, from) * static_cast<size_t>(n) + static_cast<size_t>(j)];
          *to = whole ? part : *to + part;
        }
      }
    }
    return table;
  }
};

TEST(gradients_of_tables) {
  for (int64_t rows : {1, 40, 64, 65, 128, 300, 700}) {
    const TableCase c(rows);
    Array<float> got[] = {Array<float>(c.tables[0]), Array<float>(c.tables[1]), Array<float>(c.tables[2])};
    std::vector<float> scratch(static_cast<size_t>(cuda::embedding_scratch(rows, c.n)));
    check_launched(cuda::embedding_sum_backward(nullptr, c.dy.data(), rows, c.n,
                                                {got[0].data(), c.ids[0].data(), c.order[0].data()},
                                                {got[1].data(), c.ids[1].data(), c.order[1].data()},
                                                {got[2].data(), nullptr, c.order[2].data()}, scratch.data()));
    for (int t = 0; t < 3; ++t) {
      const std::vector<float> expected = c.expected(t);
      CHECK_BITS(got[t].data(), expected.data(), got[t].size(), "table");
      CHECK(got[t].intact());
    }
    if (rows > 64) continue;
    for (int t = 0; t < 3; ++t) {
      Array<float> by_ref(c.tables[t]);
      kernels_ref.scatter_add_rows(c.dy.data(), c.n, c.ids[t].data(), c.order[t].data(), 0, rows, c.n,
                                   by_ref.data(), c.n);
      CHECK_BITS(got[t].data(), by_ref.data(), got[t].size(), "ref");
    }
  }
}

/// With more rows than one chain has: the same bits at every run, the bound of the header, and chains in
/// order.
TEST(sums_over_many_rows) {
  for (int64_t rows : {64, 65, 128, 200}) {
    const int64_t n = 130;
    Random random(static_cast<uint64_t>(rows));
    std::vector<float> x = random.vector(rows * n);
    std::vector<uint16_t> halves;
    for (float& e : x) {
      halves.push_back(to_bf16(e));
      e = from_bf16(halves.back());
    }
    const std::vector<float> before = random.vector(n);
    std::vector<float> expected = before, scratch(static_cast<size_t>(cuda::chain_scratch(rows, 1, n)) + 1);
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t first = 0; first < rows; first += 64) {
        float chain = rows <= 64 ? expected[static_cast<size_t>(j)] : 0.0f;
        for (int64_t i = first; i < std::min(first + 64, rows); ++i)
          chain += x[static_cast<size_t>(i * n + j)];
        expected[static_cast<size_t>(j)] = rows <= 64 ? chain : expected[static_cast<size_t>(j)] + chain;
      }
    }
    for (int round = 0; round < 3; ++round) {
      Array<float> sums(before);
      check_launched(cuda::column_sums(nullptr, x.data(), n, rows, n, sums.data(), scratch.data()));
      CHECK_BITS(sums.data(), expected.data(), n, "column sums");
      CHECK(sums.intact());
      Array<float> of_halves(before);
      check_launched(
          cuda::column_sums_bf16(nullptr, halves.data(), n, rows, n, of_halves.data(), scratch.data()));
      CHECK_BITS(of_halves.data(), expected.data(), n, "column sums of bf16 numbers");
    }
  }
}

TEST(gradients_of_norm_parameters_over_many_rows) {
  const NormCase c(150, 20, 0);
  std::vector<float> y(c.x.size()), mean(150), rstd(150),
      scratch(static_cast<size_t>(cuda::chain_scratch(150, 2, 20)));
  kernels_ref.layer_norm_forward(c.x.data(), c.gamma.data(), c.beta.data(), 1e-5f, 150, 20, y.data(),
                                 mean.data(), rstd.data());
  Array<float> dgamma(c.gamma), dbeta(c.beta);
  check_launched(cuda::layer_norm_params_backward(nullptr, c.x.data(), mean.data(), rstd.data(), c.dy.data(),
                                                  150, 20, dgamma.data(), dbeta.data(), scratch.data()));
  for (size_t j = 0; j < 20; ++j) {
    double exact_gamma = static_cast<double>(c.gamma[j]), exact_beta = static_cast<double>(c.beta[j]),
           most = 0;
    for (size_t i = 0; i < 150; ++i) {
      const double xhat = (static_cast<double>(c.x[i * 20 + j]) - static_cast<double>(mean[i])) *
                          static_cast<double>(rstd[i]);
      exact_gamma += static_cast<double>(c.dy[i * 20 + j]) * xhat;
      exact_beta += static_cast<double>(c.dy[i * 20 + j]);
      most = std::max(most, std::fabs(xhat));
    }
    const double bound = 4e-7 * 150 * max_abs(c.dy) * (1 + most);
    CHECK_LE(std::fabs(static_cast<double>(dgamma.data()[j]) - exact_gamma), bound);
    CHECK_LE(std::fabs(static_cast<double>(dbeta.data()[j]) - exact_beta), bound);
  }
}

TEST(fills_and_moves) {
  Random random(4);
  for (int64_t n : {0, 1, 255, 257, 700}) {
    Array<float> x(random.vector(n)), y(n), z(random.vector(n));
    check_launched(cuda::copy(nullptr, x.data(), n, y.data()));
    check_launched(cuda::zero(nullptr, z.data(), n));
    CHECK_BITS(y.data(), x.data(), n, "copy");
    CHECK(y.intact() && z.intact());
    CHECK(
        std::all_of(z.data(), z.data() + n, [](float value) { return value == 0 && !std::signbit(value); }));
  }
}

/// Rows with dropout, as they are and rounded, against the operations one after the other.
TEST(rows_with_dropout) {
  const int64_t rows = 9, n = 37, ld_table = 40, ld = 40;
  Random random(8);
  const std::vector<float> table = random.vector(12 * ld_table);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < rows; ++i) ids.push_back(static_cast<int32_t>(random.below(13)) - 1);
  for (float p : {0.0f, 0.3f}) {
    Array<float> expected(rows * n), y(rows * n);
    std::vector<uint16_t> rounded(static_cast<size_t>(rows * ld), 7), alone = rounded, halves = rounded;
    kernels_ref.gather_rows(table.data(), ld_table, ids.data(), rows, n, expected.data(), n);
    if (p > 0) kernels_ref.dropout(drop(p), expected.data(), rows * n, expected.data());
    check_launched(cuda::round_to_bf16(nullptr, expected.data(), n, rows, n, halves.data(), ld));
    check_launched(cuda::gather_rows_masked(nullptr, table.data(), ld_table, ids.data(), rows, n, drop(p),
                                            y.data(), rounded.data(), ld));
    check_launched(cuda::gather_rows_masked(nullptr, table.data(), ld_table, ids.data(), rows, n, drop(p),
                                            nullptr, alone.data(), ld));
    CHECK_BITS(y.data(), expected.data(), rows * n, "rows");
    CHECK(y.intact() && rounded == halves && alone == halves);
    Array<float> without(rows * n);
    check_launched(cuda::gather_rows_masked(nullptr, table.data(), ld_table, ids.data(), rows, n, drop(p),
                                            without.data(), nullptr, 0));
    CHECK_BITS(without.data(), expected.data(), rows * n, "rows alone");
  }
}

TEST(rows_over_the_lengths_of_texts) {
  const std::vector<int32_t> offsets = {2, 5, 5, 6, 13};
  const int64_t batch = 4, n = 101;
  Random random(6);
  const std::vector<float> x = random.vector(batch * n);
  Array<float> got(x);
  check_launched(cuda::divide_by_lengths(nullptr, offsets.data(), batch, n, got.data()));
  const float lengths[] = {3, 1, 1, 7};  // what has no length stays
  for (int64_t e = 0; e < batch * n; ++e) CHECK_EQ(got.data()[e], x[static_cast<size_t>(e)] / lengths[e / n]);
  CHECK(got.intact());
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
