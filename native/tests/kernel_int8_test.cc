// gemm_int8 and quantize_rows: every flavour gives ref's bits, ref's sums are exact, and no operand that is
// let in can saturate.
#include <algorithm>

#include "kernels/gemm_int8.h"
#include "tests/int8_flavours.h"

using namespace maque;
using namespace maque::test;

namespace {

size_t index(int64_t i) { return static_cast<size_t>(i); }

struct Options {
  int32_t zero_point = kZeroPoint7;
  bool bias = false, residual = false, in_place_residual = false, one_scale = false, extreme = false;
  bool own_zeros = false;  // zero points of the rows; with kZeroPoint8
  Activation activation = Activation::none;
};

/// Operands of one product, with room between the rows that must be neither used nor written.
class Product {
 public:
  Product(int64_t m, int64_t n, int64_t k, Options options, uint64_t seed)
      : m_(m), n_(n), k_(k), o_(options), random_(seed) {
    for (int64_t i = 0; i < m * lda(); ++i) a_.push_back(static_cast<uint8_t>(activation()));
    for (int64_t i = 0; i < n * k; ++i) w_.push_back(static_cast<int8_t>(weight(i % k)));
    a_scale_ = random_.vector(m, 0.001f, 0.1f), w_scale_ = random_.vector(n, 0.001f, 0.1f);
    bias_ = random_.vector(n), residual_ = random_.vector(m * ldr()), c_ = random_.vector(m * ldc());
    packed_.resize(index(gemm_int8_packed_size(k, n))), offsets_.resize(index(int8_whole_n(n)));
    for (int64_t i = 0; i < m; ++i) zeros_.push_back(static_cast<int32_t>(random_.below(256)));
    CHECK(gemm_int8_pack(w_.data(), k, k, n, o_.zero_point, packed_.data(), offsets_.data()));
  }

  std::vector<float> run(const Int8Kernels& kernels) const {
    std::vector<float> c = c_;
    GemmInt8Args g = args();
    g.c = c.data();
    if (o_.in_place_residual) g.residual = c.data(), g.ld_residual = ldc();
    kernels.gemm_int8(g);
    return c;
  }

  /// Elements whose sum is not what 64-bit arithmetic says, for products without an epilogue.
  int64_t wrong_sums(const Int8Kernels& kernels) const {
    const std::vector<float> c = run(kernels);
    int64_t wrong = 0;
    for (int64_t i = 0; i < m_; ++i) {
      for (int64_t j = 0; j < n_; ++j) {
        int64_t sum = 0;
        for (int64_t p = 0; p < k_; ++p) sum += (a_[index(i * lda() + p)] - zero(i)) * w_[index(j * k_ + p)];
        const float scale = w_scale_[index(j)] * a_scale_[index(o_.one_scale ? 0 : i)];
        wrong += c[index(i * ldc() + j)] != static_cast<float>(sum) * scale ? 1 : 0;
      }
    }
    return wrong;
  }

 private:
  GemmInt8Args args() const {
    GemmInt8Args g = {};
    g.m = m_, g.n = n_, g.k = k_;
    g.a = a_.data(), g.lda = lda();
    g.a_scale = a_scale_.data(), g.a_scale_stride = o_.one_scale ? 0 : 1;
    g.b = packed_.data(), g.offsets = offsets_.data(), g.w_scale = w_scale_.data();
    g.a_zero = o_.own_zeros ? zeros_.data() : nullptr;
    g.ldc = ldc();
    g.bias = o_.bias ? bias_.data() : nullptr;
    g.activation = o_.activation;
    if (o_.residual) g.residual = residual_.data(), g.ld_residual = ldr();
    return g;
  }

  int32_t zero(int64_t i) const { return o_.own_zeros ? zeros_[index(i)] : o_.zero_point; }

  /// Extreme: nothing but the ends of the ranges.
  int32_t activation() {
    const int32_t most = 2 * o_.zero_point - 1;
    if (o_.extreme) return random_.below(4) == 0 ? (o_.own_zeros ? 0 : 1) : most;
    return 1 + static_cast<int32_t>(random_.below(most));
  }
  int32_t weight(int64_t p) {
    int32_t most = 127;
    if (o_.zero_point == kZeroPoint8) {
      // Neighbours share 128.
      if (p % 2 == 0) share_ = o_.extreme ? 1 + static_cast<int32_t>(random_.below(127)) : 64;
      most = p % 2 == 0 ? share_ : 128 - share_;
    }
    if (o_.extreme) return random_.below(8) == 0 ? -most : most;
    return static_cast<int32_t>(random_.below(2 * most + 1)) - most;
  }
  int64_t lda() const { return int8_whole_k(k_) + 3; }
  int64_t ldc() const { return n_ + 5; }
  int64_t ldr() const { return n_ + 7; }

  int64_t m_, n_, k_;
  Options o_;
  Random random_;
  int32_t share_ = 64;
  std::vector<uint8_t> a_;
  std::vector<int8_t> w_, packed_;
  std::vector<int32_t> offsets_, zeros_;
  std::vector<float> a_scale_, w_scale_, bias_, residual_, c_;
};

void check_flavours(int64_t m, int64_t n, int64_t k, Options options, uint64_t seed) {
  const Product product(m, n, k, options, seed);
  const std::vector<float> expected = product.run(int8_kernels_ref);
  for (const Int8Kernels* kernels : int8_flavours()) {
    char what[160];
    std::snprintf(what, sizeof what, "%s m=%d n=%d k=%d zero=%d activation=%d", kernels->isa,
                  static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), options.zero_point,
                  static_cast<int>(options.activation));
    const std::vector<float> got = product.run(*kernels);
    CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(expected.size()), what);
  }
}

struct Quantised {
  std::vector<uint8_t> q;
  std::vector<float> scale;
};

constexpr uint8_t kUntouched = 200;

Quantised quantise(const Int8Kernels& kernels, const std::vector<float>& x, int64_t rows, int64_t k,
                   int32_t zero_point) {
  const int64_t ldq = int8_whole_k(k) + 5;
  Quantised out = {std::vector<uint8_t>(index(rows * ldq), kUntouched), std::vector<float>(index(rows))};
  kernels.quantize_rows(x.data(), k, rows, k, zero_point, out.q.data(), ldq, out.scale.data());
  return out;
}

void check_quantise(const std::vector<float>& x, int64_t rows, int64_t k, int32_t zero_point) {
  const Quantised expected = quantise(int8_kernels_ref, x, rows, k, zero_point);
  for (const Int8Kernels* kernels : int8_flavours()) {
    const Quantised got = quantise(*kernels, x, rows, k, zero_point);
    CHECK(got.q == expected.q);
    CHECK_BITS(got.scale.data(), expected.scale.data(), rows, kernels->isa);
  }
}

}  // namespace

TEST(every_number_of_rows_and_odd_columns) {
  uint64_t seed = 1;
  for (int64_t m = 1; m <= 27; ++m) {
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 48, 64, 95, 130, 257}) {
      Options options;
      options.zero_point = (m + n) % 2 == 0 ? kZeroPoint7 : kZeroPoint8;
      options.one_scale = m % 3 == 0;
      options.own_zeros = options.zero_point == kZeroPoint8 && m % 4 < 2;
      check_flavours(m, n, 1 + (m * n) % 37, options, seed++);
    }
  }
}

TEST(every_remainder_of_k) {
  for (int64_t k = 1; k <= 40; ++k) check_flavours(13, 40, k, {}, static_cast<uint64_t>(k));
}

TEST(blocks_of_rows_and_long_k) {
  const int64_t shapes[][3] = {{5, 40, 511}, {200, 33, 2048}, {131, 65, 2100}, {600, 34, 512}, {3, 70, 9000}};
  for (const auto& s : shapes) check_flavours(s[0], s[1], s[2], {}, 7);
}

TEST(epilogues) {
  for (Activation activation :
       {Activation::none, Activation::relu, Activation::tanh, Activation::gelu_erf, Activation::gelu_tanh}) {
    for (int mask = 0; mask < 16; ++mask) {
      Options options;
      options.activation = activation;
      options.bias = (mask & 1) != 0;
      options.residual = (mask & 2) != 0;
      options.in_place_residual = (mask & 4) != 0;
      options.one_scale = (mask & 8) != 0;
      check_flavours(7, 45, 21, options, static_cast<uint64_t>(mask));
    }
  }
}

TEST(sums_are_exact_at_the_ends_of_the_ranges) {
  for (int32_t zero_point : {kZeroPoint7, kZeroPoint8}) {
    for (bool extreme : {false, true}) {
      Options options;
      options.zero_point = zero_point;
      options.extreme = extreme;
      for (int64_t k : {1, 2, 3, 4, 6, 64, 300, 513, 2048}) {
        for (bool own_zeros : {false, zero_point == kZeroPoint8}) {
          options.own_zeros = own_zeros;
          const Product product(14, 37, k, options, static_cast<uint64_t>(k));
          CHECK_EQ(product.wrong_sums(int8_kernels_ref), 0);
          for (const Int8Kernels* kernels : int8_flavours()) CHECK_EQ(product.wrong_sums(*kernels), 0);
        }
      }
    }
  }
}

TEST(the_largest_operands_of_one_sign) {
  // The largest sum of two products that vpmaddubsw may meet, in every pair, over the longest k.
  struct Largest {
    int32_t zero_point;
    int8_t first, second;
  };
  for (const Largest& l : {Largest{kZeroPoint7, 127, 127}, Largest{kZeroPoint7, -127, -127},
                           Largest{kZeroPoint8, 127, 1}, Largest{kZeroPoint8, -64, -64}}) {
    const int64_t k = kInt8MaxK, n = 3;
    std::vector<int8_t> w(index(n * k)), packed(index(gemm_int8_packed_size(k, n)));
    for (size_t i = 0; i < w.size(); ++i) w[i] = i % 2 == 0 ? l.first : l.second;
    std::vector<int32_t> offsets(index(int8_whole_n(n)));
    CHECK(gemm_int8_pack(w.data(), k, k, n, l.zero_point, packed.data(), offsets.data()));
    const int32_t most = 2 * l.zero_point - 1;
    const std::vector<uint8_t> a(index(k), static_cast<uint8_t>(most));
    const std::vector<float> one(index(n), 1.0f);
    const float expected = static_cast<float>((k / 2) * (most - l.zero_point) * (l.first + l.second));
    std::vector<const Int8Kernels*> all = int8_flavours();
    all.push_back(&int8_kernels_ref);
    for (const Int8Kernels* kernels : all) {
      std::vector<float> c(index(n));
      GemmInt8Args g = {};
      g.m = 1, g.n = n, g.k = k, g.a = a.data(), g.lda = k, g.a_scale = one.data(), g.b = packed.data();
      g.offsets = offsets.data(), g.w_scale = one.data(), g.c = c.data(), g.ldc = n;
      kernels->gemm_int8(g);
      for (float x : c) CHECK_EQ(x, expected);
    }
  }
}

TEST(weights_that_could_saturate_are_refused) {
  struct Pair {
    int32_t zero_point;
    int8_t first, second;
    bool fits;
  };
  for (const Pair& p : {Pair{kZeroPoint7, 127, -127, true}, Pair{kZeroPoint7, -128, 0, false},
                        Pair{kZeroPoint8, 64, 64, true}, Pair{kZeroPoint8, 65, -64, false},
                        Pair{kZeroPoint8, -127, 1, true}, Pair{kZeroPoint8, 2, 127, false}}) {
    for (int64_t at : {0, 2, 4, 6}) {
      std::vector<int8_t> w(9), packed(index(gemm_int8_packed_size(9, 1)));
      std::vector<int32_t> offsets(index(int8_whole_n(1)));
      w[index(at)] = p.first, w[index(at + 1)] = p.second;
      CHECK_EQ(gemm_int8_pack(w.data(), 9, 9, 1, p.zero_point, packed.data(), offsets.data()), p.fits);
    }
  }
  // Second and third are no pair.
  const int8_t w[] = {0, 127, 127, 0};
  int8_t packed[32 * 4];
  int32_t offsets[32];
  CHECK(gemm_int8_pack(w, 4, 4, 1, kZeroPoint8, packed, offsets));
}

TEST(packing) {
  for (int64_t k : {1, 4, 5, 31, 64}) {
    for (int64_t n : {1, 31, 32, 33, 100}) {
      const int64_t ldw = k + 3, steps = int8_whole_k(k) / 4;
      Random random(5);
      std::vector<int8_t> w(index(n * ldw)), packed(index(gemm_int8_packed_size(k, n)), 99);
      for (int8_t& x : w) x = static_cast<int8_t>(random.below(255) - 127);
      std::vector<int32_t> offsets(index(int8_whole_n(n)), 99);
      CHECK(gemm_int8_pack(w.data(), ldw, k, n, kZeroPoint7, packed.data(), offsets.data()));
      for (int64_t j = 0; j < int8_whole_n(n); ++j) {
        int32_t sum = 0;
        for (int64_t p = 0; p < int8_whole_k(k); ++p) {
          const int8_t expected = j < n && p < k ? w[index(j * ldw + p)] : int8_t{0};
          CHECK_EQ(packed[index(((j / 32 * steps + p / 4) * 32 + j % 32) * 4 + p % 4)], expected);
          sum += expected;
        }
        CHECK_EQ(offsets[index(j)], 64 * sum);
      }
    }
  }
}

TEST(a_block_of_columns_is_the_same_as_the_whole) {
  const int64_t m = 9, n = 100, k = 41, ld = int8_whole_k(k);
  Random random(3);
  std::vector<uint8_t> a(index(m * ld), 77);
  std::vector<int8_t> w(index(n * k)), packed(index(gemm_int8_packed_size(k, n)));
  for (int8_t& x : w) x = static_cast<int8_t>(random.below(255) - 127);
  std::vector<int32_t> offsets(index(int8_whole_n(n)));
  CHECK(gemm_int8_pack(w.data(), k, k, n, kZeroPoint7, packed.data(), offsets.data()));
  const auto scale = random.vector(n, 0.1f, 1.0f);
  for (const Int8Kernels* kernels : int8_flavours()) {
    std::vector<float> whole(index(m * n)), parts(index(m * n));
    GemmInt8Args g = {};
    g.m = m, g.n = n, g.k = k, g.a = a.data(), g.lda = ld, g.a_scale = scale.data(), g.a_scale_stride = 1;
    g.b = packed.data(), g.offsets = offsets.data(), g.w_scale = scale.data(), g.c = whole.data(), g.ldc = n;
    kernels->gemm_int8(g);
    for (int64_t j = 0; j < n; j += 32) {
      g.b = packed.data() + j * ld, g.offsets = offsets.data() + j, g.w_scale = scale.data() + j;
      g.c = parts.data() + j, g.n = std::min<int64_t>(n - j, 32);
      kernels->gemm_int8(g);
    }
    CHECK_BITS(parts.data(), whole.data(), m * n, kernels->isa);
  }
}

TEST(quantised_rows) {
  for (int32_t zero_point : {kZeroPoint7, kZeroPoint8}) {
    for (int64_t k : {1, 3, 4, 15, 16, 17, 33, 300, 512, 1030}) {
      Random random(static_cast<uint64_t>(k));
      check_quantise(random.vector(5 * k, -3.0f, 2.0f), 5, k, zero_point);
    }
  }
}

TEST(quantised_rows_are_near_and_in_range) {
  for (int32_t zero_point : {kZeroPoint7, kZeroPoint8}) {
    for (float size : {1e-30f, 1.0f, 3e38f}) {
      const int64_t k = 100, rows = 20;
      Random random(9);
      auto x = random.vector(rows * k);
      for (float& value : x) value *= size;
      const Quantised out = quantise(int8_kernels_ref, x, rows, k, zero_point);
      for (int64_t i = 0; i < rows * k; ++i) {
        const uint8_t q = out.q[index(i / k * (int8_whole_k(k) + 5) + i % k)];
        CHECK(q >= 1 && q <= 2 * zero_point - 1);
        const double scale = static_cast<double>(out.scale[index(i / k)]);
        const double error = std::fabs(static_cast<double>(x[index(i)]) - scale * (q - zero_point));
        CHECK_LE(error, scale / 2 + std::ldexp(static_cast<double>(size), -22));
      }
    }
  }
}

TEST(bytes_past_k_are_the_zero_point_and_nothing_more_is_written) {
  std::vector<const Int8Kernels*> all = int8_flavours();
  all.push_back(&int8_kernels_ref);
  for (const Int8Kernels* kernels : all) {
    for (int64_t k : {1, 17, 18, 19, 20}) {
      const Quantised out = quantise(*kernels, std::vector<float>(index(k), 1.0f), 1, k, kZeroPoint7);
      for (int64_t p = 0; p < static_cast<int64_t>(out.q.size()); ++p) {
        CHECK_EQ(out.q[index(p)], p < k ? 127 : p < int8_whole_k(k) ? kZeroPoint7 : kUntouched);
      }
    }
  }
}

TEST(halves_round_to_even_and_odd_rows_have_answers) {
  const float infinity = __builtin_inff(), nan = __builtin_nanf(""), tiny = 1e-44f;
  const std::vector<float> rows[] = {{63.0f, 0.5f, 1.5f, -0.5f, -2.5f, 62.5f, 61.5f, -63.0f},
                                     {0, 0, 0, 0, 0, 0, 0, -0.0f},
                                     {infinity, 1, -1, 0, 2, 3, 4, 5},
                                     {1, 2, nan, 3, infinity, 0, 0, 0},
                                     {tiny, -tiny, 0, tiny, 0, 0, 0, 0},
                                     {3e38f, -3e38f, 1, 0, 0, 0, 0, 0}};
  for (const auto& row : rows) {
    for (int32_t zero_point : {kZeroPoint7, kZeroPoint8}) check_quantise(row, 1, 8, zero_point);
  }
  const Quantised halves = quantise(int8_kernels_ref, rows[0], 1, 8, kZeroPoint7);
  const std::vector<uint8_t> expected = {127, 64, 66, 64, 62, 126, 126, 1};
  CHECK(std::equal(expected.begin(), expected.end(), halves.q.begin()));
  CHECK_EQ(quantise(int8_kernels_ref, rows[1], 1, 8, kZeroPoint7).scale[0], 0.0f);
  CHECK(std::isinf(quantise(int8_kernels_ref, rows[2], 1, 8, kZeroPoint7).scale[0]));
  CHECK(std::isnan(quantise(int8_kernels_ref, rows[3], 1, 8, kZeroPoint7).scale[0]));
}

namespace {

struct Affine {
  std::vector<uint8_t> q;
  std::vector<float> scale;
  std::vector<int32_t> zero;
};

Affine affine(const Int8Kernels& kernels, const std::vector<float>& x, int64_t rows, int64_t k,
              const float* factor = nullptr) {
  const int64_t ldq = int8_whole_k(k) + 5;
  Affine out = {std::vector<uint8_t>(index(rows * ldq), kUntouched), std::vector<float>(index(rows)),
                std::vector<int32_t>(index(rows))};
  kernels.quantize_rows_affine(x.data(), k, factor, rows, k, out.q.data(), ldq, out.scale.data(),
                               out.zero.data());
  return out;
}

void check_affine(const std::vector<float>& x, int64_t rows, int64_t k, const float* factor = nullptr) {
  const Affine expected = affine(int8_kernels_ref, x, rows, k, factor);
  for (const Int8Kernels* kernels : int8_flavours()) {
    const Affine got = affine(*kernels, x, rows, k, factor);
    CHECK(got.q == expected.q);
    CHECK(got.zero == expected.zero);
    CHECK_BITS(got.scale.data(), expected.scale.data(), rows, kernels->isa);
  }
}

}  // namespace

TEST(affine_rows) {
  for (int64_t k : {1, 3, 4, 15, 16, 17, 33, 300, 512, 1030}) {
    Random random(static_cast<uint64_t>(k));
    check_affine(random.vector(5 * k, -0.2f, 4.0f), 5, k);
    check_affine(random.vector(5 * k, -3.0f, 3.0f), 5, k);
    check_affine(random.vector(5 * k, 1.0f, 2.0f), 5, k);
    check_affine(random.vector(5 * k, -3.0f, 3.0f), 5, k, random.vector(k, 0.1f, 2.0f).data());
  }
}

TEST(factors_are_as_columns_multiplied_before) {
  const int64_t k = 300, rows = 7;
  Random random(4);
  auto x = random.vector(rows * k, -3.0f, 3.0f);
  const auto factor = random.vector(k, 0.0f, 2.0f);
  const Affine got = affine(int8_kernels_ref, x, rows, k, factor.data());
  for (int64_t i = 0; i < rows * k; ++i) x[index(i)] *= factor[index(i % k)];
  const Affine expected = affine(int8_kernels_ref, x, rows, k);
  CHECK(got.q == expected.q);
  CHECK(got.zero == expected.zero);
  CHECK_BITS(got.scale.data(), expected.scale.data(), rows, "ref");
}

TEST(affine_rows_are_near_and_keep_zero) {
  for (float size : {1e-29f, 1.0f, 1e37f}) {
    for (float low : {-1.0f, -0.1f, 0.0f, 0.5f}) {
      const int64_t k = 99, rows = 20;
      Random random(9);
      auto x = random.vector(rows * k, low, 1.0f);
      for (float& value : x) value *= size;
      x[3] = 0;
      const Affine out = affine(int8_kernels_ref, x, rows, k);
      for (int64_t i = 0; i < rows * k; ++i) {
        const int64_t row = i / k;
        const uint8_t q = out.q[index(row * (int8_whole_k(k) + 5) + i % k)];
        const double scale = static_cast<double>(out.scale[index(row)]);
        const double back = scale * (q - out.zero[index(row)]);
        CHECK_LE(std::fabs(static_cast<double>(x[index(i)]) - back), scale + std::ldexp(255 * scale, -20));
      }
      CHECK_EQ(static_cast<int32_t>(out.q[3]), out.zero[0]);
      CHECK_EQ(static_cast<int32_t>(out.q[99]), out.zero[0]);
      CHECK_EQ(out.q[100], kUntouched);
    }
  }
}

TEST(odd_affine_rows_have_answers) {
  const float infinity = __builtin_inff(), nan = __builtin_nanf(""), tiny = 1e-44f;
  const std::vector<float> rows[] = {{0, 0, -0.0f, 0},
                                     {infinity, 1, -1, 0},
                                     {1, 2, nan, -infinity},
                                     {tiny, -tiny, 0, tiny},
                                     {3e38f, -3e38f, 1, 0}};
  const float factor[] = {1, -1, 0, 2};
  for (const auto& row : rows) {
    check_affine(row, 1, 4);
    check_affine(row, 1, 4, factor);
  }
  CHECK_EQ(affine(int8_kernels_ref, rows[0], 1, 4).scale[0], 0.0f);
  CHECK_EQ(affine(int8_kernels_ref, rows[0], 1, 4).zero[0], 128);
  CHECK(std::isnan(affine(int8_kernels_ref, rows[1], 1, 4).scale[0]));
  CHECK(std::isnan(affine(int8_kernels_ref, rows[2], 1, 4).scale[0]));
  CHECK_EQ(affine(int8_kernels_ref, rows[3], 1, 4).scale[0], 0.0f);
}

TEST_MAIN
