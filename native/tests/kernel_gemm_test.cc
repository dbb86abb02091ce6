// gemm and gemm_pack: every flavour gives ref's bits, and ref stays within the bound of kernels/gemm.h of
// double.
#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

namespace {

struct Shape {
  int64_t m, n, k;
};

/// What is asked of one product beside its shape.
struct Options {
  bool transposed_a = false, accumulate = false, bias = false, pre = false, residual = false,
       in_place_residual = false;
  Activation activation = Activation::none;
};

/// Operands of one product, and a way to run it in any flavour and scalar.
class Product {
 public:
  Product(Shape shape, Options options, uint64_t seed) : s_(shape), o_(options), random_(seed) {
    a_ = random_.vector((o_.transposed_a ? s_.k : s_.m) * lda());
    b_ = random_.vector(s_.k * s_.n);
    c_ = random_.vector(s_.m * ldc());
    bias_ = random_.vector(s_.n);
    residual_ = random_.vector(s_.m * ldr());
  }

  template <class T>
  struct Result {
    std::vector<T> c, pre;
  };

  template <class T>
  Result<T> run(const Kernels<T>& kernels) const {
    const std::vector<T> a = as<T>(a_), b = as<T>(b_), bias = as<T>(bias_), residual = as<T>(residual_);
    std::vector<T> packed(static_cast<size_t>(gemm_packed_size(s_.k, s_.n))), scratch(kGemmScratch);
    kernels.gemm_pack(b.data(), s_.n, 1, s_.k, s_.n, packed.data());
    Result<T> result = {as<T>(c_), std::vector<T>(o_.pre ? static_cast<size_t>(s_.m * ldp()) : 0)};
    GemmArgs<T> g = {};
    g.m = s_.m, g.n = s_.n, g.k = s_.k;
    g.a = a.data();
    g.a_row_stride = o_.transposed_a ? 1 : lda();
    g.a_k_stride = o_.transposed_a ? lda() : 1;
    g.b = packed.data();
    g.c = result.c.data(), g.ldc = ldc();
    g.accumulate = o_.accumulate;
    g.bias = o_.bias ? bias.data() : nullptr;
    g.activation = o_.activation;
    g.pre_activation = o_.pre ? result.pre.data() : nullptr, g.ld_pre = ldp();
    if (o_.residual) g.residual = residual.data(), g.ld_residual = ldr();
    if (o_.in_place_residual) g.residual = result.c.data(), g.ld_residual = ldc();
    g.scratch = scratch.data();
    kernels.gemm(g);
    return result;
  }

  /// max over C of |c - exact| / (k 2^-24 sum |a b|), for products without an epilogue; a C that is added to
  /// counts as one more term.
  double error_in_bounds(const Kernels<float>& kernels) const {
    const std::vector<float> c = run(kernels).c;
    double worst = 0;
    for (int64_t i = 0; i < s_.m; ++i) {
      for (int64_t j = 0; j < s_.n; ++j) {
        double exact = o_.accumulate ? static_cast<double>(c_[index(i * ldc() + j)]) : 0;
        double absolute = std::fabs(exact);
        for (int64_t p = 0; p < s_.k; ++p) {
          const double term = static_cast<double>(a_at(i, p)) * static_cast<double>(b_[index(p * s_.n + j)]);
          exact += term;
          absolute += std::fabs(term);
        }
        const int64_t terms = s_.k + (o_.accumulate ? 1 : 0);
        const double bound = static_cast<double>(terms) * std::ldexp(absolute, -24);
        worst = std::fmax(worst, std::fabs(static_cast<double>(c[index(i * ldc() + j)]) - exact) / bound);
      }
    }
    return worst;
  }

 private:
  template <class T>
  static std::vector<T> as(const std::vector<float>& v) {
    return {v.begin(), v.end()};
  }
  static size_t index(int64_t i) { return static_cast<size_t>(i); }
  float a_at(int64_t i, int64_t p) const {
    return a_[index(o_.transposed_a ? p * lda() + i : i * lda() + p)];
  }
  // Row strides longer than the rows: what lies between must not be read or written.
  int64_t lda() const { return (o_.transposed_a ? s_.m : s_.k) + 3; }
  int64_t ldc() const { return s_.n + 5; }
  int64_t ldp() const { return s_.n + 2; }
  int64_t ldr() const { return s_.n + 7; }

  Shape s_;
  Options o_;
  Random random_;
  std::vector<float> a_, b_, c_, bias_, residual_;
};

void check_flavours(Shape shape, Options options, uint64_t seed) {
  const Product product(shape, options, seed);
  const auto expected = product.run(kernels_ref);
  for (const Kernels<float>* kernels : simd_flavours()) {
    char what[160];
    std::snprintf(what, sizeof what, "%s m=%d n=%d k=%d transposed=%d activation=%d", kernels->isa,
                  static_cast<int>(shape.m), static_cast<int>(shape.n), static_cast<int>(shape.k),
                  options.transposed_a, static_cast<int>(options.activation));
    const auto got = product.run(*kernels);
    CHECK_BITS(got.c.data(), expected.c.data(), static_cast<int64_t>(expected.c.size()), what);
    CHECK_BITS(got.pre.data(), expected.pre.data(), static_cast<int64_t>(expected.pre.size()), what);
  }
}

}  // namespace

TEST(every_number_of_rows_and_odd_columns) {
  uint64_t seed = 1;
  for (int64_t m = 1; m <= 27; ++m) {
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 48, 64, 95, 130, 257}) {
      Options options;
      options.transposed_a = (m + n) % 2 == 0;
      options.accumulate = m % 3 == 0;
      check_flavours({m, n, 1 + (m * n) % 37}, options, seed++);
    }
  }
}

TEST(every_remainder_of_k) {
  for (int64_t k = 0; k <= 40; ++k) {
    for (bool transposed : {false, true}) {
      for (bool accumulate : {false, true}) {
        Options options;
        options.transposed_a = transposed;
        options.accumulate = accumulate;
        check_flavours({13, 40, k}, options, static_cast<uint64_t>(k));
      }
    }
  }
}

TEST(blocks_of_k_and_rows) {
  const Shape shapes[] = {{5, 40, 511},  {5, 40, 512},   {3, 33, 513}, {20, 70, 1030},
                          {191, 33, 20}, {193, 65, 520}, {400, 34, 7}, {99, 33, 1024}};
  for (const Shape& shape : shapes) {
    for (bool transposed : {false, true}) {
      Options options;
      options.transposed_a = transposed;
      options.bias = options.pre = true;
      options.activation = Activation::gelu_erf;
      check_flavours(shape, options, 7);
    }
  }
}

TEST(epilogues) {
  for (Activation activation :
       {Activation::none, Activation::relu, Activation::tanh, Activation::gelu_erf, Activation::gelu_tanh}) {
    for (int mask = 0; mask < 32; ++mask) {
      Options options;
      options.activation = activation;
      options.bias = (mask & 1) != 0;
      options.pre = (mask & 2) != 0;
      options.residual = (mask & 4) != 0;
      options.in_place_residual = (mask & 8) != 0;
      // A sum that starts from C cannot also add what C held before.
      options.accumulate = (mask & 16) != 0 && !options.in_place_residual;
      check_flavours({7, 45, 21}, options, static_cast<uint64_t>(mask));
    }
  }
}

TEST(residual_in_place_over_a_long_k) {
  for (int64_t k : {512, 513, 1536, 5000}) {
    for (bool transposed : {false, true}) {
      Options options;
      options.in_place_residual = options.bias = true;
      options.transposed_a = transposed;
      check_flavours({70, 35, k}, options, static_cast<uint64_t>(k));
    }
  }
}

TEST(random_shapes) {
  Random random(99);
  for (int round = 0; round < 60; ++round) {
    Options options;
    const uint32_t bits = random.next();
    options.transposed_a = (bits & 1) != 0;
    options.accumulate = (bits & 2) != 0;
    options.bias = (bits & 4) != 0;
    options.residual = (bits & 8) != 0;
    check_flavours({1 + random.below(90), 1 + random.below(200), 1 + random.below(300)}, options,
                   random.next());
  }
}

TEST(a_block_of_columns_is_the_same_as_the_whole) {
  const int64_t m = 9, n = 100, k = 40;
  Random random(3);
  const auto a = random.vector(m * k), b = random.vector(k * n);
  for (const Kernels<float>* kernels : simd_flavours()) {
    std::vector<float> packed(static_cast<size_t>(gemm_packed_size(k, n))), scratch(kGemmScratch);
    std::vector<float> whole(static_cast<size_t>(m * n)), parts(static_cast<size_t>(m * n));
    kernels->gemm_pack(b.data(), n, 1, k, n, packed.data());
    GemmArgs<float> g = {};
    g.m = m, g.n = n, g.k = k, g.a = a.data(), g.a_row_stride = k, g.a_k_stride = 1, g.b = packed.data();
    g.c = whole.data(), g.ldc = n, g.scratch = scratch.data();
    kernels->gemm(g);
    for (int64_t j = 0; j < n; j += 64) {
      g.b = packed.data() + j * k, g.c = parts.data() + j, g.n = n - j < 64 ? n - j : 64;
      kernels->gemm(g);
    }
    CHECK_BITS(parts.data(), whole.data(), m * n, kernels->isa);
  }
}

TEST(rows_do_not_depend_on_their_neighbours) {
  const int64_t m = 50, n = 70, k = 60;
  Random random(4);
  const auto a = random.vector(m * k), b = random.vector(k * n);
  for (const Kernels<float>* kernels : simd_flavours()) {
    std::vector<float> packed(static_cast<size_t>(gemm_packed_size(k, n))), scratch(kGemmScratch);
    std::vector<float> whole(static_cast<size_t>(m * n)), one(static_cast<size_t>(n));
    kernels->gemm_pack(b.data(), n, 1, k, n, packed.data());
    GemmArgs<float> g = {};
    g.m = m, g.n = n, g.k = k, g.a = a.data(), g.a_row_stride = k, g.a_k_stride = 1, g.b = packed.data();
    g.c = whole.data(), g.ldc = n, g.scratch = scratch.data();
    kernels->gemm(g);
    g.m = 1, g.c = one.data();
    for (int64_t i = 0; i < m; ++i) {
      g.a = a.data() + i * k;
      kernels->gemm(g);
      CHECK_BITS(one.data(), whole.data() + i * n, n, kernels->isa);
    }
  }
}

TEST(nothing_is_written_outside_c) {
  Random random(8);
  for (const Kernels<float>* kernels : simd_flavours()) {
    for (int64_t n : {1, 17, 33, 63}) {
      const int64_t m = 8, k = 30;
      const auto a = random.vector(m * k), b = random.vector(k * n);
      std::vector<float> scratch(kGemmScratch);
      Guarded packed(gemm_packed_size(k, n)), c(m * n);
      kernels->gemm_pack(b.data(), n, 1, k, n, packed.data());
      GemmArgs<float> g = {};
      g.m = m, g.n = n, g.k = k, g.a = a.data(), g.a_row_stride = k, g.a_k_stride = 1, g.b = packed.data();
      g.c = c.data(), g.ldc = n, g.scratch = scratch.data();
      kernels->gemm(g);
      CHECK(packed.intact() && c.intact());
    }
  }
}

TEST(packing) {
  Random random(5);
  for (int64_t k : {1, 15, 16, 17, 50, 128}) {
    for (int64_t n : {1, 16, 17, 31, 32, 33, 100}) {
      const int64_t ld = 200;
      const auto b = random.vector(ld * ld);
      const int64_t strides[][2] = {{ld, 1}, {1, ld}, {2, 3}};
      for (const auto& stride : strides) {
        const int64_t size = gemm_packed_size(k, n);
        std::vector<float> expected(static_cast<size_t>(size));
        for (int64_t j = 0; j < n; ++j) {
          for (int64_t p = 0; p < k; ++p) {
            expected[static_cast<size_t>((j / 32 * k + p) * 32 + j % 32)] =
                b[static_cast<size_t>(p * stride[0] + j * stride[1])];
          }
        }
        std::vector<float> packed(static_cast<size_t>(size), -1.0f);
        kernels_ref.gemm_pack(b.data(), stride[0], stride[1], k, n, packed.data());
        CHECK_BITS(packed.data(), expected.data(), size, "ref");
        for (const Kernels<float>* kernels : simd_flavours()) {
          std::fill(packed.begin(), packed.end(), -1.0f);
          kernels->gemm_pack(b.data(), stride[0], stride[1], k, n, packed.data());
          CHECK_BITS(packed.data(), expected.data(), size, kernels->isa);
        }
      }
    }
  }
}

TEST(not_finite_operands_reach_only_their_own_sums) {
  const int64_t m = 14, n = 40, k = 20;
  Random random(6);
  auto a = random.vector(m * k);
  const auto b = random.vector(k * n);
  a[static_cast<size_t>(3 * k + 5)] = __builtin_nanf("");
  for (const Kernels<float>* kernels : simd_flavours()) {
    std::vector<float> packed(static_cast<size_t>(gemm_packed_size(k, n))), scratch(kGemmScratch);
    std::vector<float> c(static_cast<size_t>(m * n));
    kernels->gemm_pack(b.data(), n, 1, k, n, packed.data());
    GemmArgs<float> g = {};
    g.m = m, g.n = n, g.k = k, g.a = a.data(), g.a_row_stride = k, g.a_k_stride = 1, g.b = packed.data();
    g.c = c.data(), g.ldc = n, g.scratch = scratch.data();
    kernels->gemm(g);
    for (int64_t i = 0; i < m * n; ++i) CHECK_EQ(std::isnan(c[static_cast<size_t>(i)]), i / n == 3);
  }
}

TEST(error_is_within_the_stated_bound) {
  for (bool transposed : {false, true}) {
    for (bool accumulate : {false, true}) {
      Options options;
      options.transposed_a = transposed, options.accumulate = accumulate;
      for (int64_t k : {1, 2, 3, 7, 16, 17, 31, 64, 65, 300, 511, 513, 1000, 1537}) {
        for (const Shape& shape : {Shape{1, 33, k}, Shape{5, 20, k}, Shape{13, 65, k}}) {
          CHECK_LE(Product(shape, options, 11).error_in_bounds(kernels()), 1.0);
        }
      }
    }
  }
}

TEST_MAIN
