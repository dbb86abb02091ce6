// Means of int8 rows: every flavour gives ref's bits, and ref the mean.
#include "tests/int8_flavours.h"

namespace maque::test {
namespace {

struct Means {
  int64_t n, ld_out;
  std::vector<int8_t> table;
  std::vector<float> scale;
  std::vector<int32_t> ids, offsets{0};

  explicit Means(int64_t columns) : n(columns), ld_out(columns + 3) {
    Random random(static_cast<uint64_t>(columns));
    for (int64_t i = 0; i < 9 * (n + 2); ++i) table.push_back(static_cast<int8_t>(random.below(255) - 127));
    scale = random.vector(18, 0.0f, 0.1f);
    for (int32_t length : {3, 0, 1, 17, 2}) {
      offsets.push_back(offsets.back() + length);
      for (int32_t t = 0; t < length; ++t) ids.push_back(static_cast<int32_t>(random.below(9)));
    }
  }

  std::vector<float> run(const Int8Kernels& kernels) const {
    std::vector<float> out(static_cast<size_t>(5 * ld_out), -3.0f);
    kernels.mean_pool_int8(table.data(), n + 2, scale.data() + 1, 2, ids.data(), offsets.data(), 5, n,
                           out.data(), ld_out);
    return out;
  }
};

TEST(bits) {
  for (int64_t n = 1; n <= 140; ++n) {
    const Means means(n);
    const std::vector<float> expected = means.run(int8_kernels_ref);
    for (const Int8Kernels* kernels : int8_flavours()) {
      const std::vector<float> got = means.run(*kernels);
      CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), kernels->isa);
    }
  }
}

TEST(the_reference_is_the_mean) {
  const Means means(33);
  const std::vector<float> got = means.run(int8_kernels_ref);
  for (size_t b = 0; b < 5; ++b) {
    for (int64_t j = 0; j < means.ld_out; ++j) {
      double sum = 0, count = 0;
      for (int32_t s = means.offsets[b]; s < means.offsets[b + 1]; ++s, ++count) {
        const int32_t id = means.ids[static_cast<size_t>(s)];
        sum += static_cast<double>(means.table[static_cast<size_t>(id * (means.n + 2) + j % means.n)]) *
               static_cast<double>(means.scale[static_cast<size_t>(1 + 2 * id)]);
      }
      const double expected = j >= means.n ? -3 : count == 0 ? 0 : sum / count;
      const float value = got[b * static_cast<size_t>(means.ld_out) + static_cast<size_t>(j)];
      CHECK_LE(std::fabs(static_cast<double>(value) - expected), 1e-4);
    }
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
