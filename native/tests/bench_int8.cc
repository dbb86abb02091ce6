// Speed of gemm_int8 and quantize_rows on one thread, beside the peak of the instructions that multiply
// bytes, measured in the same run. Built, not run by ctest:   taskset -c 0 ./bench_int8
// [avx512vnni|avx512|avx2]
#pragma GCC diagnostic push
// GCC 12 takes the undefined operand of its own AVX-512 intrinsics for an uninitialised variable.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "bench_clock.h"
#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

namespace {

// Loops of nothing but the instructions that a product of bytes needs, on twelve independent sums.
constexpr int64_t kSteps = 200000;
constexpr int kSums = 12;

__attribute__((target("avx512f,avx512bw,avx512vnni"))) int32_t loop_vnni() {
  __m512i sum[kSums], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
#pragma GCC unroll 12
  for (int l = 0; l < kSums; ++l) sum[l] = _mm512_set1_epi32(l);
  for (int64_t i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
    for (int l = 0; l < kSums; ++l) {
      sum[l] = _mm512_dpbusd_epi32(sum[l], a, b);
    }
  }
#pragma GCC unroll 12
  for (int i = 1; i < kSums; ++i) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(sum[0]));
}

__attribute__((target("avx512f,avx512bw"))) int32_t loop_avx512() {
  __m512i sum[kSums], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5), one = _mm512_set1_epi16(1);
#pragma GCC unroll 12
  for (int l = 0; l < kSums; ++l) sum[l] = _mm512_set1_epi32(l);
  for (int64_t i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
    for (int l = 0; l < kSums; ++l) {
      __asm__ volatile("" : "+v"(a));
      sum[l] = _mm512_add_epi32(sum[l], _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), one));
    }
  }
#pragma GCC unroll 12
  for (int i = 1; i < kSums; ++i) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(sum[0]));
}

__attribute__((target("avx2"))) int32_t loop_avx2() {
  __m256i sum[kSums], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5), one = _mm256_set1_epi16(1);
#pragma GCC unroll 12
  for (int l = 0; l < kSums; ++l) sum[l] = _mm256_set1_epi32(l);
  for (int64_t i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
    for (int l = 0; l < kSums; ++l) {
      __asm__ volatile("" : "+x"(a));
      sum[l] = _mm256_add_epi32(sum[l], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), one));
    }
  }
#pragma GCC unroll 12
  for (int i = 1; i < kSums; ++i) sum[0] = _mm256_add_epi32(sum[0], sum[i]);
  return _mm_cvtsi128_si32(_mm256_castsi256_si128(sum[0]));
}

/// Thousand millions of multiplications and additions of bytes a second.
double peak_gops(const char* isa) {
  const bool vnni = std::strcmp(isa, "avx512vnni") == 0, wide = vnni || std::strcmp(isa, "avx512") == 0;
  int32_t (*loop)() = vnni ? loop_vnni : wide ? loop_avx512 : loop_avx2;
  int32_t sink = 0;
  const double seconds = best_seconds(20, [&] { sink ^= loop(); });
  return 2e-9 * static_cast<double>(kSteps * kSums * (wide ? 64 : 32)) / seconds + (sink == 1234567 ? 1 : 0);
}

struct Case {
  const char* what;
  int64_t m, n, k;
  Activation activation;
};

constexpr Case kCases[] = {
    {"64 x 24, 512 square", 1536, 512, 512, Activation::none},
    {"64 x 24, 512 q, k, v", 1536, 1536, 512, Activation::none},
    {"64 x 24, 512 up", 1536, 2048, 512, Activation::none},
    {"64 x 24, 512 up, gelu", 1536, 2048, 512, Activation::gelu_erf},
    {"64 x 24, 512 down", 1536, 512, 2048, Activation::none},
    {"64 x 24, 2048 square", 1536, 2048, 2048, Activation::none},
    {"64 x 24, 768 up", 1536, 3072, 768, Activation::none},
    {"one title, q, k, v", 23, 1536, 512, Activation::none},
    {"one title, out", 23, 512, 512, Activation::none},
    {"one title, up", 23, 2048, 512, Activation::none},
    {"one title, up, gelu", 23, 2048, 512, Activation::gelu_erf},
    {"one title, down", 23, 512, 2048, Activation::none},
    {"one row, up", 1, 2048, 512, Activation::none},
    {"one row, down", 1, 512, 2048, Activation::none},
    {"lstm, 1 text", 1, 1200, 300, Activation::none},
    {"lstm, 8 texts", 8, 1200, 300, Activation::none},
    {"lstm, 64 texts", 64, 1200, 300, Activation::none},
};

void run(const Int8Kernels& kernels, const Case& c, double peak) {
  Random random(1);
  const auto x = random.vector(c.m * c.k), bias = random.vector(c.n),
             w_scale = random.vector(c.n, 0.01f, 0.1f);
  std::vector<int8_t> w(static_cast<size_t>(c.k * c.n)),
      packed(static_cast<size_t>(gemm_int8_packed_size(c.k, c.n)));
  for (int8_t& q : w) q = static_cast<int8_t>(random.below(129) - 64);
  std::vector<int32_t> offsets(static_cast<size_t>(int8_whole_n(c.n)));
  gemm_int8_pack(w.data(), c.k, c.k, c.n, kZeroPoint8, packed.data(), offsets.data());
  const int64_t lda = ((c.k + 63) / 64 | 1) * 64;
  std::vector<uint8_t> a(static_cast<size_t>(c.m * lda));
  std::vector<float> a_scale(static_cast<size_t>(c.m)), out(static_cast<size_t>(c.m * c.n));
  const double quantise = best_seconds(10, [&] {
    kernels.quantize_rows(x.data(), c.k, c.m, c.k, kZeroPoint8, a.data(), lda, a_scale.data());
  });
  GemmInt8Args g = {};
  g.m = c.m, g.n = c.n, g.k = c.k, g.a = a.data(), g.lda = lda, g.a_scale = a_scale.data();
  g.a_scale_stride = 1, g.b = packed.data(), g.offsets = offsets.data(), g.w_scale = w_scale.data();
  g.c = out.data(), g.ldc = c.n, g.bias = bias.data(), g.activation = c.activation;
  const double seconds = best_seconds(10, [&] { kernels.gemm_int8(g); });
  const double gops = 2e-9 * static_cast<double>(c.m * c.n * c.k) / seconds;
  const double bandwidth = 1e-9 * static_cast<double>(c.k * c.n) / seconds;
  std::printf(
      "%-10s %-21s %5lld %5lld %5lld  %8.1f us  %6.1f GOP/s %5.1f %% of peak  B at %5.1f GB/s  quantising "
      "%6.1f us\n",
      kernels.isa, c.what, static_cast<long long>(c.m), static_cast<long long>(c.n),
      static_cast<long long>(c.k), seconds * 1e6, gops, gops / peak * 100, bandwidth, quantise * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  for (const char* isa : {"avx512vnni", "avx512", "avx2"}) {
    if (argc > 1 && std::strcmp(argv[1], isa) != 0) continue;
    const Int8Kernels* kernels = int8_kernels_for(isa);
    if (kernels == nullptr) continue;
    const double peak = peak_gops(isa);
    std::printf("%-10s peak of byte products: %.1f GOP/s\n", isa, peak);
    for (const Case& c : kCases) run(*kernels, c, peak);
  }
  return 0;
}
