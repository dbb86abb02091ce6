// One product by a GPU's kernels or by a library in their place, and the same by ref.
#pragma once
#include <algorithm>

#include "kernels/bf16.h"
#include "kernels/ref/gemm.h"
#include "tests/cuda/aligned_halves.h"
#include "tests/kernel_case.h"

namespace maque::test {

using cuda::GemmBf16Factors;
using cuda::GemmFactors;
using cuda::GemmResult;

inline int64_t round_up8(int64_t n) { return (n + 7) / 8 * 8; }

struct ProductCaseOptions {
  bool a_by_k = false, b_by_column = false, accumulate = false, bias = false, pre = false, residual = false,
       in_place = false;
  Activation activation = Activation::none;
};

/// One product by Multiply::fp32(factors, result) or Multiply::bf16, its factors kept as A [m, k] and B [k,
/// n].
template <class Multiply>
struct ProductCase {
  int64_t m, n, k;
  ProductCaseOptions o;
  std::vector<float> a, b, c, bias, residual;

  ProductCase(int64_t m_, int64_t n_, int64_t k_, ProductCaseOptions options, bool halves = false)
      : m(m_), n(n_), k(k_), o(options) {
    Random random(static_cast<uint64_t>(m * 10007 + n * 101 + k));
    a = random.vector(m * k), b = random.vector(k * n), c = random.vector(m * ldc());
    bias = random.vector(n), residual = random.vector(m * ldr());
    if (!halves) return;
    for (float& x : a) x = from_bf16(to_bf16(x));
    for (float& x : b) x = from_bf16(to_bf16(x));
  }
  int64_t ldc() const { return n + 5; }
  int64_t ldr() const { return n + 7; }
  int64_t ldp() const { return n + 2; }

  GemmResult result(Array<float>* out, Array<float>* pre, Array<float>* res) const {
    GemmResult r = {};
    r.c = out->data(), r.ldc = ldc(), r.accumulate = o.accumulate;
    r.bias = o.bias ? bias.data() : nullptr;
    r.activation = o.activation;
    if (o.pre) r.pre_activation = pre->data(), r.ld_pre = ldp();
    if (o.residual) r.residual = res->data(), r.ld_residual = ldr();
    if (o.in_place) r.residual = out->data(), r.ld_residual = ldc();
    return r;
  }

  std::vector<float> run_fp32() const {
    Array<float> out(c), pre(m * ldp()), res(residual);
    std::vector<float> at(a.size()), bt(b.size());
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t i = 0; i < m; ++i) at[static_cast<size_t>(p * m + i)] = a[static_cast<size_t>(i * k + p)];
      for (int64_t j = 0; j < n; ++j) bt[static_cast<size_t>(j * k + p)] = b[static_cast<size_t>(p * n + j)];
    }
    GemmFactors f = {m, n, k, a.data(), k, 1, b.data(), n, 1};
    if (o.a_by_k) f.a = at.data(), f.a_row_stride = 1, f.a_k_stride = m;
    if (o.b_by_column) f.b = bt.data(), f.b_k_stride = 1, f.b_col_stride = k;
    check_launched(Multiply::fp32(f, result(&out, &pre, &res)));
    return collect<float>({&out, &pre});
  }

  std::vector<float> run_bf16() const {
    Array<float> out(c), pre(m * ldp()), res(residual);
    const int64_t lda = round_up8(o.a_by_k ? m : k), ldb = round_up8(o.b_by_column ? k : n);
    AlignedHalves halves_a((o.a_by_k ? k : m) * lda, 0xFFFF), halves_b((o.b_by_column ? n : k) * ldb, 0xFFFF);
    AlignedHalves rounded(m * ldc(), 0x4321);
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t i = 0; i < m; ++i)
        halves_a.data()[o.a_by_k ? p * lda + i : i * lda + p] = to_bf16(a[static_cast<size_t>(i * k + p)]);
      for (int64_t j = 0; j < n; ++j)
        halves_b.data()[o.b_by_column ? j * ldb + p : p * ldb + j] =
            to_bf16(b[static_cast<size_t>(p * n + j)]);
    }
    const GemmBf16Factors f = {m, n, k, halves_a.data(), lda, o.a_by_k, halves_b.data(), ldb, o.b_by_column};
    GemmResult r = result(&out, &pre, &res);
    r.c_bf16 = rounded.data(), r.ld_bf16 = ldc();
    check_launched(Multiply::bf16(f, r));
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < ldc(); ++j)
        CHECK_EQ(rounded.data()[i * ldc() + j], j < n ? to_bf16(out.data()[i * ldc() + j]) : 0x4321);
    }
    return collect<float>({&out, &pre});
  }

  template <class T>
  std::vector<T> run_ref() const {
    Array<T> out(c), pre(m * ldp()), res(residual), in_a(a), in_b(b), in_bias(bias);
    std::vector<T> packed(static_cast<size_t>(gemm_packed_size(k, n)));
    ref::gemm_pack(in_b.data(), n, int64_t{1}, k, n, packed.data());
    GemmArgs<T> g = {};
    g.m = m, g.n = n, g.k = k, g.a = in_a.data(), g.a_row_stride = k, g.a_k_stride = 1, g.b = packed.data();
    g.c = out.data(), g.ldc = ldc(), g.accumulate = o.accumulate;
    g.bias = o.bias ? in_bias.data() : nullptr;
    g.activation = o.activation;
    if (o.pre) g.pre_activation = pre.data(), g.ld_pre = ldp();
    if (o.residual) g.residual = res.data(), g.ld_residual = ldr();
    if (o.in_place) g.residual = out.data(), g.ld_residual = ldc();
    ref::gemm(g);
    return collect<T>({&out, &pre});
  }

  void check_fp32() const {
    const std::vector<float> expected = run_ref<float>(), got = run_fp32();
    CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), "gemm");
  }

  /// The bound of the sum, with a little for activation and residual (their slopes are below 1.2).
  void check_bf16() const {
    const std::vector<double> exact = run_ref<double>();
    const std::vector<float> got = run_bf16();
    double absolute = 0;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 1;
        for (int64_t p = 0; p < k; ++p)
          sum += std::fabs(
              static_cast<double>(a[static_cast<size_t>(i * k + p)] * b[static_cast<size_t>(p * n + j)]));
        absolute = std::max(absolute, sum);
      }
    }
    const double bound = std::ldexp(absolute, -24) * static_cast<double>(k + 1) * 1.2 + 1e-6;
    CHECK_LE(error_in(got, exact, 0, got.size()), bound);
    const std::vector<float> again = run_bf16();
    CHECK_BITS(again.data(), got.data(), static_cast<int64_t>(got.size()), "another order of threads");
  }
};

inline ProductCaseOptions option_bits(int64_t bits) {
  ProductCaseOptions o;
  o.a_by_k = bits & 1, o.b_by_column = bits & 2, o.bias = bits & 4, o.pre = bits & 8;
  o.residual = bits & 16, o.accumulate = bits & 32, o.in_place = (bits & 48) == 0 && (bits & 8) != 0;
  o.activation = static_cast<Activation>(bits % 5);
  return o;
}

}  // namespace maque::test
