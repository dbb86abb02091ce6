// Dropout: one mask for every flavour, scalar, split and offset.
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

constexpr uint64_t kOffsets[] = {0, 1, 2, 3, 4, 63, 1000001, 4 * 0xFFFFFFFFull - 9, (1ull << 40) + 7};

TEST(bits_and_one_mask_for_float_and_double) {
  for (int64_t n : row_sizes()) {
    const std::vector<float> x = Random(static_cast<uint64_t>(n)).vector(n, 0.5f, 2.0f);
    for (uint64_t offset : kOffsets) {
      for (float p : {0.0f, 0.1f, 0.5f, 0.9f}) {
        const Dropout dropout = {p, 0x123456789ABCDEFull + offset, 17, 5, offset};
        const auto run = [&](const auto& kernels) {
          using T = ScalarOf<decltype(kernels)>;
          Array<T> in(x), y(n), in_place(x);
          kernels.dropout(dropout, in.data(), n, y.data());
          kernels.dropout(dropout, in_place.data(), n, in_place.data());
          return collect<T>({&y, &in_place});
        };
        const std::vector<float> got = check_flavours(run, "dropout");
        const std::vector<double> truth = run(kernels_ref_double);
        bool same_mask = true;
        for (size_t i = 0; i < got.size(); ++i) same_mask = same_mask && (got[i] == 0) == (truth[i] == 0);
        CHECK(same_mask);
        CHECK_LE(max_error(got, truth), 1.5e-7 * 2.0 / (1.0 - static_cast<double>(p)));
        if (p == 0.0f) CHECK_BITS(got.data(), x.data(), n, "p = 0");
      }
    }
  }
}

TEST(zero_elements_write_nothing) {
  for (const Kernels<float>* kernels : simd_flavours()) {
    Array<float> y(0);
    kernels->dropout({0.5f, 1, 2, 3, 1}, y.data(), 0, y.data());
    CHECK(y.intact());
  }
}

TEST(parts_with_moved_offsets_are_the_whole) {
  const int64_t n = 1000;
  const std::vector<float> x = Random(1).vector(n, 1.0f, 2.0f);
  std::vector<float> whole(x.size());
  const Dropout dropout = {0.3f, 99, 3, 8, 4 * 0xFFFFFFFFull - 500};
  kernels_ref.dropout(dropout, x.data(), n, whole.data());
  for (const Kernels<float>* kernels : simd_flavours()) {
    for (int64_t unit : {1, 3, 64, 127}) {
      std::vector<float> parts(x.size());
      for (int64_t i = 0; i < n; i += unit) {
        Dropout moved = dropout;
        moved.offset += static_cast<uint64_t>(i);
        kernels->dropout(moved, x.data() + i, std::min(unit, n - i), parts.data() + i);
      }
      CHECK_BITS(parts.data(), whole.data(), n, "parts");
    }
  }
}

TEST(fraction_and_keys) {
  const int64_t n = 200000;
  const std::vector<float> ones(static_cast<size_t>(n), 1.0f);
  std::vector<float> a(ones.size()), b(ones.size());
  const Dropout dropout = {0.25f, 42, 1, 1, 0};
  const auto kept = [](const std::vector<float>& v) {
    long count = 0;
    for (float x : v) count += x != 0;
    return static_cast<double>(count) / static_cast<double>(v.size());
  };
  kernels().dropout(dropout, ones.data(), n, a.data());
  CHECK_LE(std::fabs(kept(a) - 0.75), 0.005);
  const Dropout others[] = {{0.25f, 43, 1, 1, 0},
                            {0.25f, 42ull + (1ull << 32), 1, 1, 0},
                            {0.25f, 42, 2, 1, 0},
                            {0.25f, 42, 1, 2, 0},
                            {0.25f, 42, 1, 1, 1}};
  for (const Dropout& other : others) {  // another key: independent, so both keep 9 / 16
    kernels().dropout(other, ones.data(), n, b.data());
    for (size_t i = 0; i < b.size(); ++i) b[i] *= a[i];
    CHECK_LE(std::fabs(kept(b) - 0.5625), 0.006);
  }
}

TEST(known_mask) {
  // Philox4x32-10 of counter 0 and key 0 is 6627e8d5 e169c58d bc57ac4c 9b00dbd8 (the authors' known answers).
  const float x[4] = {1, 1, 1, 1};
  float y[4];
  for (const Kernels<float>* kernels : simd_flavours()) {
    kernels->dropout({0.5f, 0, 0, 0, 0}, x, 4, y);
    CHECK(y[0] == 0 && y[1] == 2 && y[2] == 2 && y[3] == 2);
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
