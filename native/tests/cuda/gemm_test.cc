// Products on an emulated GPU: fp32 has ref's bits, bf16 keeps its bound, both with every epilogue and
// layout, for every order of threads.
#include "tests/cuda/product_case.h"
#include "tests/cuda_emulation/emulator.h"

namespace maque::test {
namespace {

struct OurKernels {
  static cuda::Code fp32(const cuda::GemmFactors& f, const cuda::GemmResult& r) {
    return cuda::gemm(nullptr, f, r);
  }
  static cuda::Code bf16(const cuda::GemmBf16Factors& f, const cuda::GemmResult& r) {
    return cuda::gemm_bf16(nullptr, f, r);
  }
};
using Product = ProductCase<OurKernels>;

/// The product in a group between two others of other sizes, whose results are checked by themselves.
struct InGroups {
  template <class Factors, class Single, class Group>
  static cuda::Code run(const Factors& f, const GemmResult& r, const Single& single, const Group& group) {
    Factors other = f;
    other.m = f.m / 2, other.k = f.k / 2;
    Array<float> alone(f.m * f.n), beside[2] = {Array<float>(f.m * f.n), Array<float>(f.m * f.n)};
    GemmResult plain = {};
    plain.c = alone.data(), plain.ldc = f.n;
    check_launched(single(nullptr, other, plain));
    cuda::ProductGroup<Factors> all = {3, {other, f, other}, {plain, r, plain}};
    all.results[0].c = beside[0].data(), all.results[2].c = beside[1].data();
    const cuda::Code code = group(nullptr, all);
    for (const Array<float>& x : beside) {
      CHECK_BITS(x.data(), alone.data(), alone.size(), "beside");
      CHECK(x.intact());
    }
    return code;
  }
  static cuda::Code fp32(const GemmFactors& f, const GemmResult& r) {
    return run(f, r, cuda::gemm, cuda::gemm_group);
  }
  static cuda::Code bf16(const GemmBf16Factors& f, const GemmResult& r) {
    return run(f, r, cuda::gemm_bf16, cuda::gemm_bf16_group);
  }
};

TEST(fp32_has_the_bits_of_ref) {
  int64_t bits = 0;
  for (int64_t m : {1, 3, 63, 65}) {
    for (int64_t n : {1, 17, 64, 70}) {
      for (int64_t k : {0, 1, 15, 16, 33}) Product(m, n, k, option_bits(bits++ % 64)).check_fp32();
    }
  }
  for (bits = 0; bits < 64; ++bits) Product(5, 9, 21, option_bits(bits)).check_fp32();
}

TEST_ON_EMULATION(fp32_in_large_tiles) {
  emulation::device().multiprocessors = 1;
  for (int64_t bits : {4, 7, 35}) Product(130, 140, 40, option_bits(bits)).check_fp32();
  emulation::device().multiprocessors = 8;
}

TEST(fp32_keeps_negative_zero) {
  Product p(2, 2, 3, ProductCaseOptions{});
  p.o.accumulate = true;
  std::fill(p.a.begin(), p.a.end(), -1e-30f);
  std::fill(p.b.begin(), p.b.end(), 1e-30f);
  std::fill(p.c.begin(), p.c.end(), -0.0f);
  p.check_fp32();
}

TEST(bf16_keeps_its_bound_in_every_layout) {
  emulation::device().capability = 80;
  int64_t bits = 0;
  for (int64_t m : {1, 17, 130}) {
    for (int64_t n : {2, 33, 129}) {
      for (int64_t k : {1, 31, 32, 100}) Product(m, n, k, option_bits(bits++ % 64), true).check_bf16();
    }
  }
  for (bits = 0; bits < 64; ++bits) Product(19, 11, 37, option_bits(bits), true).check_bf16();
  Product(8, 8, 0, option_bits(36), true).check_bf16();
  emulation::device() = {};
}

TEST(bf16_by_groups_of_warps) {
  emulation::device().capability = 90;
  for (int64_t bits = 0; bits < 4; ++bits) {
    Product(1, 2, 1, option_bits(bits), true).check_bf16();
    Product(70, 66, 129, option_bits(bits + 32), true).check_bf16();
    Product(130, 8, 64, option_bits(bits + 4), true).check_bf16();
    Product(40, 129, 100, option_bits(bits + 20), true).check_bf16();
    Product(19, 11, 448, option_bits(bits + 8), true).check_bf16();  // more steps than stages
  }
  Product(8, 8, 0, option_bits(36), true).check_bf16();
  emulation::device() = {};
}

TEST_ON_EMULATION(groups_have_the_bits_of_single_products) {
  for (int64_t bits : {0, 1, 7, 63}) {
    ProductCase<InGroups>(70, 66, 33, option_bits(bits)).check_fp32();
    ProductCase<InGroups>(1, 3, 5, option_bits(bits)).check_fp32();
  }
  emulation::device().multiprocessors = 1;  // large tiles
  ProductCase<InGroups>(130, 140, 20, option_bits(1)).check_fp32();
  emulation::device().multiprocessors = 8;
  for (int64_t bits : {1, 13, 61}) {  // a by k, b not by column
    ProductCase<InGroups>(70, 140, 40, option_bits(bits), true).check_bf16();
    ProductCase<InGroups>(1, 3, 0, option_bits(bits), true).check_bf16();
  }
}

TEST_ON_EMULATION(groups_that_no_launch_takes) {
  cuda::ProductGroup<GemmFactors> fp32 = {};
  CHECK_EQ(cuda::gemm_group(nullptr, fp32), cuda::kSuccess);
  fp32.count = cuda::kMostProducts + 1;
  CHECK_EQ(cuda::gemm_group(nullptr, fp32), cuda::kInvalidValue);
  AlignedHalves x(64, 0);
  float c[4] = {};
  cuda::ProductGroup<GemmBf16Factors> bf16 = {1, {{2, 2, 2, x.data(), 8, true, x.data(), 8, false}}, {}};
  bf16.results[0].c = c, bf16.results[0].ldc = 2;
  CHECK_EQ(cuda::gemm_bf16_group(nullptr, bf16), cuda::kSuccess);
  bf16.factors[0].b_by_column = true;
  CHECK_EQ(cuda::gemm_bf16_group(nullptr, bf16), cuda::kInvalidValue);
  bf16.factors[0].b_by_column = false, bf16.factors[0].lda = 12;
  CHECK_EQ(cuda::gemm_bf16_group(nullptr, bf16), cuda::kInvalidValue);
  bf16.factors[0].lda = 8;
  emulation::device().capability = 75;
  CHECK_EQ(cuda::gemm_bf16_group(nullptr, bf16), cuda::kInvalidDeviceFunction);
  emulation::device().capability = 90;
}

TEST_ON_EMULATION(bf16_refuses_old_devices_and_crooked_arrays) {
  AlignedHalves x(64, 0);
  float c[4] = {};
  GemmResult r = {};
  r.c = c, r.ldc = 2;
  GemmBf16Factors f = {2, 2, 2, x.data(), 8, false, x.data(), 8, false};
  CHECK_EQ(cuda::gemm_bf16(nullptr, f, r), cuda::kSuccess);
  f.lda = 12;
  CHECK_EQ(cuda::gemm_bf16(nullptr, f, r), cuda::kInvalidValue);
  f.lda = 8, f.b = x.data() + 1;
  CHECK_EQ(cuda::gemm_bf16(nullptr, f, r), cuda::kInvalidValue);
  f.b = x.data();
  emulation::device().capability = 75;
  CHECK_EQ(cuda::gemm_bf16(nullptr, f, r), cuda::kInvalidDeviceFunction);
  emulation::device().capability = 90;
}

/// The gradient that comes to an activation's input, and a result of which only the rounded side is wanted.
TEST(derivatives_and_rounded_results) {
  const int64_t m = 5, n = 70, k = 9, ld = 72;
  for (Activation act : {Activation::none, Activation::relu, Activation::gelu_erf, Activation::tanh}) {
    const Product p(m, n, k, ProductCaseOptions{}, true);
    const std::vector<float> at = Random(3).vector(m * ld, -2, 2);
    Array<float> sums(m * n), out(m * n);
    const GemmFactors f = {m, n, k, p.a.data(), k, 1, p.b.data(), n, 1};
    GemmResult r = {};
    r.c = sums.data(), r.ldc = n;
    check_launched(cuda::gemm(nullptr, f, r));
    r.c = out.data(), r.activation = act, r.derivative_at = at.data(), r.ld_pre = ld;
    check_launched(cuda::gemm(nullptr, f, r));
    std::vector<float> expected(static_cast<size_t>(m * n));
    for (int64_t i = 0; i < m; ++i)
      kernels_ref.activation_backward(act, at.data() + i * ld, sums.data() + i * n, n,
                                      expected.data() + i * n);
    CHECK_BITS(out.data(), expected.data(), m * n, "derivative");
    CHECK(out.intact());

    AlignedHalves a(m * 16, 0), b(k * ld, 0), rounded(m * ld, 0x4321);
    check_launched(cuda::round_to_bf16(nullptr, p.a.data(), k, m, k, a.data(), 16));
    check_launched(cuda::round_to_bf16(nullptr, p.b.data(), n, k, n, b.data(), ld));
    r.c = nullptr, r.c_bf16 = rounded.data(), r.ld_bf16 = ld;
    check_launched(
        cuda::gemm_bf16(nullptr, GemmBf16Factors{m, n, k, a.data(), 16, false, b.data(), ld, false}, r));
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const auto e = static_cast<size_t>(i * n + j);
        const float got = from_bf16(rounded.data()[i * ld + j]);
        CHECK_LE(std::fabs(got - expected[e]), 0.004f * std::fabs(expected[e]) + 1e-5f);
      }
    }
  }
}

TEST(rounding) {
  Random random(2);
  const std::vector<float> x = random.vector(5 * 9, -3, 3);
  std::vector<uint16_t> y(5 * 16, 77);
  check_launched(cuda::round_to_bf16(nullptr, x.data(), 9, 5, 7, y.data(), 16));
  for (size_t e = 0; e < y.size(); ++e) CHECK_EQ(y[e], e % 16 < 7 ? to_bf16(x[e / 16 * 9 + e % 16]) : 0);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
