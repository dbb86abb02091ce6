// Rows of tables: sums, gathers and the gradient's scatter.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

constexpr int64_t kVocabulary = 23;

std::vector<int32_t> random_ids(int64_t n, int64_t below, bool negative, uint64_t seed) {
  Random random(seed);
  std::vector<int32_t> ids(static_cast<size_t>(n));
  for (int32_t& id : ids) id = static_cast<int32_t>(random.below(below + negative)) - negative;
  return ids;
}

TEST(embedding_sum) {
  for (int64_t n : row_sizes()) {
    for (int64_t rows : {0, 1, 9}) {
      Random random(static_cast<uint64_t>(n));
      const std::vector<float> word = random.vector(kVocabulary * n), position = random.vector(11 * n),
                               type = random.vector(2 * n);
      const std::vector<int32_t> ids = random_ids(rows, kVocabulary, false, 1),
                                 at = random_ids(rows, 11, false, 2), types = random_ids(rows, 2, false, 3);
      for (const int32_t* type_ids : {static_cast<const int32_t*>(nullptr), types.data()}) {
        const auto run = [&](const auto& kernels) {
          using T = ScalarOf<decltype(kernels)>;
          Array<T> w(word), p(position), t(type), y(rows * n);
          kernels.embedding_sum_forward(w.data(), p.data(), t.data(), ids.data(), at.data(), type_ids, rows,
                                        n, y.data());
          return collect<T>({&y});
        };
        const std::vector<float> got = check_flavours(run, "embedding_sum");
        CHECK_LE(max_error(got, run(kernels_ref_double)), 3e-7);
      }
    }
  }
}

TEST(gather) {
  for (int64_t n : row_sizes()) {
    const int64_t ld_table = n + 3, ldy = n + 5, rows = 12;
    const std::vector<float> table = Random(4).vector(kVocabulary * ld_table);
    const std::vector<int32_t> ids = random_ids(rows, kVocabulary, true, 5);
    const auto run = [&](const auto& kernels) {
      using T = ScalarOf<decltype(kernels)>;
      Array<T> t(table), y(rows * ldy);
      kernels.gather_rows(t.data(), ld_table, ids.data(), rows, n, y.data(), ldy);
      return collect<T>({&y});
    };
    const std::vector<float> got = check_flavours(run, "gather_rows");
    for (int64_t i = 0; i < rows; ++i) {
      const int32_t id = ids[static_cast<size_t>(i)];
      for (int64_t j = 0; j < ldy; ++j) {
        const float expected = j >= n   ? -77.0f
                               : id < 0 ? 0.0f
                                        : table[static_cast<size_t>(id * ld_table + j)];
        CHECK_EQ(got[static_cast<size_t>(i * ldy + j)], expected);
      }
    }
  }
}

TEST(scatter_in_any_split_by_id) {
  for (int64_t n : row_sizes()) {
    const int64_t ld_dy = n + 2, ld_table = n + 7, rows = 60;
    const std::vector<float> dy = Random(6).vector(rows * ld_dy),
                             table = Random(7).vector(kVocabulary * ld_table);
    const std::vector<int32_t> ids = random_ids(rows, kVocabulary, true, static_cast<uint64_t>(n));
    std::vector<int32_t> order(static_cast<size_t>(rows));
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
    const auto id_of = [&](int32_t row) { return ids[static_cast<size_t>(row)]; };
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return id_of(a) < id_of(b); });
    const auto run = [&](const auto& kernels, int64_t unit) {
      using T = ScalarOf<decltype(kernels)>;
      Array<T> d(dy), t(table);
      for (int64_t begin = 0; begin < rows;) {
        int64_t end = std::min(begin + unit, rows);
        while (end < rows &&
               id_of(order[static_cast<size_t>(end)]) == id_of(order[static_cast<size_t>(end - 1)]))
          ++end;
        kernels.scatter_add_rows(d.data(), ld_dy, ids.data(), order.data(), begin, end, n, t.data(),
                                 ld_table);
        begin = end;
      }
      return collect<T>({&t});
    };
    const std::vector<float> whole =
        check_flavours([&](const auto& k) { return run(k, rows); }, "scatter_add_rows");
    CHECK_LE(max_error(whole, run(kernels_ref_double, rows)), 60 * 2.4e-6);
    for (const Kernels<float>* kernels : simd_flavours()) {
      for (int64_t unit : {1, 7, 30}) {
        const std::vector<float> parts = run(*kernels, unit);
        CHECK_BITS(parts.data(), whole.data(), static_cast<int64_t>(whole.size()), "split");
      }
    }
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
