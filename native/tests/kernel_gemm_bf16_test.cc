// gemm_bf16: every flavour within the bound of kernels/gemm_bf16.h of the exact product of the rounded
// operands, and the emulation, which makes the documented steps, with ref's bits.
#include "kernel_test.h"
#include "kernels/bf16.h"

using namespace maque;
using namespace maque::test;

namespace {

std::vector<const Bf16Kernels*> flavours() {
  static bool counted = false;
  std::vector<const Bf16Kernels*> all = present_flavours(kBf16Flavours, bf16_kernels_for, &counted);
  all.insert(all.begin(), &bf16_kernels_ref);
  return all;
}

struct Shape {
  int64_t m, n, k;
};

struct Options {
  bool transposed_a = false, accumulate = false, bias = false, pre = false, residual = false,
       in_place_residual = false;
  Activation activation = Activation::none;
};

size_t index(int64_t i) { return static_cast<size_t>(i); }

/// Operands of one product.
struct Product {
  Shape s;
  Options o;
  std::vector<float> a, b, c, bias, residual;
  int64_t lda, ldc, ldp, ldr;  // longer than the rows: what lies between must not be read or written

  Product(Shape shape, Options options, uint64_t seed) : s(shape), o(options) {
    Random random(seed);
    lda = (o.transposed_a ? s.m : s.k) + 3;
    ldc = s.n + 5, ldp = s.n + 2, ldr = s.n + 7;
    a = random.vector((o.transposed_a ? s.k : s.m) * lda);
    b = random.vector(s.k * s.n);
    c = random.vector(s.m * ldc);
    bias = random.vector(s.n);
    residual = random.vector(s.m * ldr);
  }

  float a_at(int64_t i, int64_t p) const { return a[index(o.transposed_a ? p * lda + i : i * lda + p)]; }
};

struct Result {
  std::vector<float> c, pre;
};

Result run(const Product& x, const Bf16Kernels& kernels, int64_t first_column = 0) {
  std::vector<uint16_t> packed(index(gemm_bf16_packed_size(x.s.k, x.s.n)));
  std::vector<float> scratch(kGemmScratch);
  kernels.gemm_bf16_pack(x.b.data(), x.s.n, 1, x.s.k, x.s.n, packed.data());
  Result result = {x.c, std::vector<float>(x.o.pre ? index(x.s.m * x.ldp) : 0)};
  GemmArgs<float> g = {};
  g.m = x.s.m, g.n = x.s.n - first_column, g.k = x.s.k;
  g.a = x.a.data();
  g.a_row_stride = x.o.transposed_a ? 1 : x.lda;
  g.a_k_stride = x.o.transposed_a ? x.lda : 1;
  g.c = result.c.data() + first_column, g.ldc = x.ldc;
  g.accumulate = x.o.accumulate;
  g.bias = x.o.bias ? x.bias.data() + first_column : nullptr;
  g.activation = x.o.activation;
  g.pre_activation = x.o.pre ? result.pre.data() + first_column : nullptr, g.ld_pre = x.ldp;
  if (x.o.residual) g.residual = x.residual.data() + first_column, g.ld_residual = x.ldr;
  if (x.o.in_place_residual) g.residual = g.c, g.ld_residual = x.ldc;
  g.scratch = scratch.data();
  kernels.gemm_bf16(g, packed.data() + first_column * (x.s.k + x.s.k % 2));
  return result;
}

/// max over C of |c - exact| / bound, without an epilogue.
double error_in_bounds(const Product& x, const std::vector<float>& c) {
  double worst = 0;
  for (int64_t i = 0; i < x.s.m; ++i) {
    for (int64_t j = 0; j < x.s.n; ++j) {
      double exact = x.o.accumulate ? static_cast<double>(x.c[index(i * x.ldc + j)]) : 0;
      double absolute = std::fabs(exact);
      for (int64_t p = 0; p < x.s.k; ++p) {
        const double left = static_cast<double>(from_bf16(to_bf16(x.a_at(i, p))));
        const double right = static_cast<double>(from_bf16(to_bf16(x.b[index(p * x.s.n + j)])));
        exact += left * right;
        absolute += std::fabs(left * right);
      }
      const double terms = static_cast<double>(x.s.k + 2 + (x.o.accumulate ? 1 : 0));
      const double bound = terms * std::ldexp(absolute, -24) + terms * 0x1p-126;
      worst = std::fmax(worst, std::fabs(static_cast<double>(c[index(i * x.ldc + j)]) - exact) / bound);
    }
  }
  return worst;
}

void check(Shape shape, Options options, uint64_t seed) {
  const Product product(shape, options, seed);
  const Result expected = run(product, bf16_kernels_ref);
  const bool plain = !options.bias && !options.residual && !options.in_place_residual &&
                     options.activation == Activation::none;
  for (const Bf16Kernels* kernels : flavours()) {
    const Result got = run(product, *kernels);
    if (plain) CHECK_LE(error_in_bounds(product, got.c), 1.0);
    const bool exact_steps = kernels == &bf16_kernels_emu || kernels == &bf16_kernels_ref;
    if (!exact_steps && plain) continue;  // by bound: a CPU's own order of a pair
    char what[128];
    std::snprintf(what, sizeof what, "%s m=%d n=%d k=%d transposed=%d activation=%d", kernels->isa,
                  static_cast<int>(shape.m), static_cast<int>(shape.n), static_cast<int>(shape.k),
                  options.transposed_a, static_cast<int>(options.activation));
    if (kernels == bf16_kernels_for("emu")) {
      CHECK_BITS(got.c.data(), expected.c.data(), static_cast<int64_t>(expected.c.size()), what);
      CHECK_BITS(got.pre.data(), expected.pre.data(), static_cast<int64_t>(expected.pre.size()), what);
      continue;
    }
    // Every epilogue here has a slope below 1.2.
    const double bound =
        1.2 * 2 * static_cast<double>(shape.k + 3) * 0x1p-24 * static_cast<double>(shape.k + 2);
    CHECK_LE(max_error(got.c, to_double(expected.c)), bound);
    CHECK_LE(max_error(got.pre, to_double(expected.pre)), bound);
  }
}

}  // namespace

TEST(rounding_to_bf16) {
  CHECK_EQ(to_bf16(1.0f), 0x3F80);
  CHECK_EQ(to_bf16(1.00390625f), 0x3F80);     // a tie: to even
  CHECK_EQ(to_bf16(1.01171875f), 0x3F82);     // a tie: to even
  CHECK_EQ(to_bf16(1.00390636921f), 0x3F81);  // just above the tie
  CHECK_EQ(to_bf16(-1.0f), 0xBF80);
  CHECK_EQ(to_bf16(3.4e38f), 0x7F80);     // rounds to infinity
  CHECK_EQ(to_bf16(-0x1p-140f), 0x8000);  // denormal: 0 of its sign
  CHECK_EQ(to_bf16(INFINITY), 0x7F80);
  CHECK(std::isnan(from_bf16(to_bf16(NAN))));
}

TEST(operands_of_every_kind_are_rounded_alike) {
  // k = 1 with B = 1 shows the rounded A; A = 1 the rounded B.
  const float values[] = {1.00390625f, 1.01171875f, -1.00390636921f, 3.4e38f,  0x1p-126f, 0x1.FFp-127f,
                          -0x1p-140f,  0.0f,        -0.0f,           INFINITY, -INFINITY, 65535.0f,
                          1e-30f,      0.1f};
  for (const Bf16Kernels* kernels : flavours()) {
    for (float value : values) {
      for (bool in_a : {true, false}) {
        Product product({1, 1, 1}, {}, 1);
        product.a[0] = in_a ? value : 1.0f;
        product.b[0] = in_a ? 1.0f : value;
        const float expected = from_bf16(to_bf16(value)), got = run(product, *kernels).c[0];
        CHECK_EQ(got, expected);
      }
    }
    Product product({1, 1, 1}, {}, 1);
    product.a[0] = NAN;
    CHECK(std::isnan(run(product, *kernels).c[0]));
  }
}

TEST(every_number_of_rows_and_odd_columns) {
  uint64_t seed = 1;
  for (int64_t m = 1; m <= 27; ++m) {
    for (int64_t n : {1, 16, 17, 31, 33, 64, 95, 130, 257}) {
      Options options;
      options.transposed_a = (m + n) % 2 == 0;
      options.accumulate = m % 3 == 0;
      check({m, n, 1 + (m * n) % 73}, options, seed++);
    }
  }
}

TEST(every_remainder_of_k) {
  for (int64_t k = 0; k <= 70; ++k) {
    for (bool transposed : {false, true}) {
      Options options;
      options.transposed_a = transposed;
      options.accumulate = k % 3 == 0;
      check({13, 40, k}, options, static_cast<uint64_t>(k));
    }
  }
}

TEST(blocks_of_k_and_rows) {
  const Shape shapes[] = {{5, 40, 1023}, {5, 40, 1024}, {3, 33, 1025}, {20, 70, 2049},
                          {193, 33, 20}, {391, 34, 7},  {99, 33, 2048}};
  for (const Shape& shape : shapes) {
    for (bool transposed : {false, true}) {
      Options options;
      options.transposed_a = transposed;
      check(shape, options, 7);
    }
  }
}

TEST(epilogues) {
  for (Activation activation :
       {Activation::none, Activation::relu, Activation::tanh, Activation::gelu_erf, Activation::gelu_tanh}) {
    for (int bits = 0; bits < 16; ++bits) {
      Options options;
      options.activation = activation;
      options.bias = (bits & 1) != 0;
      options.pre = (bits & 2) != 0;
      options.residual = (bits & 4) != 0;
      options.in_place_residual = (bits & 12) == 8;
      check({14, 45, 23}, options, static_cast<uint64_t>(bits));
    }
  }
  Options in_place;
  in_place.in_place_residual = true;
  check({40, 33, 2100}, in_place, 3);
}

TEST(packing_by_any_stride_gives_one_layout) {
  for (const Bf16Kernels* kernels : flavours()) {
    for (int64_t k : {1, 2, 31, 32, 33, 70}) {
      for (int64_t n : {1, 15, 16, 33, 70}) {
        const std::vector<float> b = Random(5).vector(k * n);
        std::vector<float> transposed(b.size()), scattered(2 * b.size());
        for (int64_t p = 0; p < k; ++p) {
          for (int64_t j = 0; j < n; ++j) {
            transposed[index(j * k + p)] = b[index(p * n + j)];
            scattered[index(2 * (p * n + j))] = b[index(p * n + j)];
          }
        }
        std::vector<uint16_t> rows(index(gemm_bf16_packed_size(k, n)), 1), columns = rows, any = rows,
                                                                           ref = rows;
        kernels->gemm_bf16_pack(b.data(), n, 1, k, n, rows.data());
        kernels->gemm_bf16_pack(transposed.data(), 1, k, k, n, columns.data());
        kernels->gemm_bf16_pack(scattered.data(), 2 * n, 2, k, n, any.data());
        bf16_kernels_ref.gemm_bf16_pack(b.data(), n, 1, k, n, ref.data());
        CHECK(rows == ref);
        CHECK(columns == ref);
        CHECK(any == ref);
      }
    }
  }
}

TEST(one_flavour_has_the_same_bits_for_any_cut) {
  const Product whole({37, 130, 1100}, {}, 11);
  for (const Bf16Kernels* kernels : flavours()) {
    const Result expected = run(whole, *kernels);
    const Result right = run(whole, *kernels, 64);
    Product few = whole;  // the first rows alone
    few.s.m = 5;
    const Result top = run(few, *kernels);
    for (int64_t i = 0; i < whole.s.m; ++i) {
      CHECK_BITS(&right.c[index(i * whole.ldc + 64)], &expected.c[index(i * whole.ldc + 64)], 66, "columns");
      if (i < 5) CHECK_BITS(&top.c[index(i * whole.ldc)], &expected.c[index(i * whole.ldc)], 130, "rows");
    }
  }
}

TEST_MAIN
