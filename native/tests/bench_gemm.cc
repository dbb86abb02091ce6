// Speed of gemm and gemm_bf16 on one thread, beside the peak of the fused multiply-add, or of the bf16 dot
// product, measured in the same run. Built, not run by ctest:   taskset -c 0 ./bench_gemm
// [avx512bf16|avx512|avx2]
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>

#include "bench_clock.h"
#include "isa/bf16/dot_loop.h"
#include "isa/lanes.h"
#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

namespace {

double peak_gflops(float (*loop)(int64_t), int64_t flops_of_step) {
  constexpr int64_t kSteps = 1000000;
  float sink = 0;
  const double seconds = best_seconds(20, [&] { sink += loop(kSteps); });
  return static_cast<double>(kSteps * flops_of_step) / seconds / 1e9 + (sink == 1.2345f ? 1 : 0);
}

struct Case {
  const char* what;
  int64_t m, n, k;
  bool transposed_a;
  Activation activation;
};

constexpr Case kCases[] = {
    {"attention output", 736, 384, 384, false, Activation::none},
    {"q, k, v", 736, 1152, 384, false, Activation::none},
    {"ffn up", 736, 1536, 384, false, Activation::none},
    {"ffn up, gelu", 736, 1536, 384, false, Activation::gelu_erf},
    {"ffn down", 736, 384, 1536, false, Activation::none},
    {"512 up", 736, 2048, 512, false, Activation::none},
    {"512 down", 736, 512, 2048, false, Activation::none},
    {"768 up", 736, 3072, 768, false, Activation::none},
    {"768 down", 736, 768, 3072, false, Activation::none},
    {"768 square", 736, 768, 768, false, Activation::none},
    {"dW of ffn up", 1536, 384, 736, true, Activation::none},
    {"dW of ffn down", 384, 1536, 736, true, Activation::none},
    {"dW of q, k, v", 1152, 384, 736, true, Activation::none},
    {"one text, ffn up", 23, 1536, 384, false, Activation::none},
    {"one row, ffn up", 1, 1536, 384, false, Activation::none},
    {"one row, ffn down", 1, 384, 1536, false, Activation::none},
    {"lstm, 1 text", 1, 1200, 300, false, Activation::none},
    {"lstm, 2 texts", 2, 1200, 300, false, Activation::none},
    {"lstm, 4 texts", 4, 1200, 300, false, Activation::none},
    {"lstm, 8 texts", 8, 1200, 300, false, Activation::none},
    {"lstm, 16 texts", 16, 1200, 300, false, Activation::none},
    {"lstm, 32 texts", 32, 1200, 300, false, Activation::none},
    {"lstm, 64 texts", 64, 1200, 300, false, Activation::none},
};

/// One flavour in one precision: its name, and what packs B (at b[p + j * k]) and multiplies.
struct Flavour {
  const char* name;
  double peak, bytes;  // of an element of B
  std::function<void(const float* b, int64_t k, int64_t n, float* packed)> pack;
  std::function<void(GemmArgs<float> args, const float* packed)> multiply;
};

void run(const Flavour& flavour, const Case& c) {
  Random random(1);
  const auto a = random.vector(c.m * c.k), b = random.vector(c.k * c.n), bias = random.vector(c.n);
  std::vector<float> packed(static_cast<size_t>(gemm_packed_size(c.k, c.n))), scratch(kGemmScratch);
  std::vector<float> out(static_cast<size_t>(c.m * c.n));
  const double pack = best_seconds(5, [&] { flavour.pack(b.data(), c.k, c.n, packed.data()); });
  GemmArgs<float> g = {};
  g.m = c.m, g.n = c.n, g.k = c.k, g.a = a.data(), g.c = out.data(), g.ldc = c.n;
  g.a_row_stride = c.transposed_a ? 1 : c.k, g.a_k_stride = c.transposed_a ? c.m : 1;
  g.bias = c.activation == Activation::none ? nullptr : bias.data(), g.activation = c.activation;
  g.scratch = scratch.data();
  const double seconds = best_seconds(10, [&] { flavour.multiply(g, packed.data()); });
  const double gflops = 2e-9 * static_cast<double>(c.m * c.n * c.k) / seconds;
  const double bandwidth = 1e-9 * flavour.bytes * static_cast<double>(c.k * c.n) / seconds;
  std::printf(
      "%-10s %-18s %5lld %5lld %5lld  %9.1f us  %6.1f GFLOP/s %5.1f %% of peak  B at %5.1f GB/s  packing "
      "%7.1f us\n",
      flavour.name, c.what, static_cast<long long>(c.m), static_cast<long long>(c.n),
      static_cast<long long>(c.k), seconds * 1e6, gflops, gflops / flavour.peak * 100, bandwidth, pack * 1e6);
}

Flavour fp32_flavour(const Kernels<float>& kernels, double peak) {
  const auto pack = [&kernels](const float* b, int64_t k, int64_t n, float* packed) {
    kernels.gemm_pack(b, 1, k, k, n, packed);
  };
  const auto multiply = [&kernels](GemmArgs<float> args, const float* packed) {
    args.b = packed;
    kernels.gemm(args);
  };
  return {kernels.isa, peak, 4, pack, multiply};
}

Flavour bf16_flavour(const Bf16Kernels& kernels) {
  const auto pack = [&kernels](const float* b, int64_t k, int64_t n, float* packed) {
    kernels.gemm_bf16_pack(b, 1, k, k, n, reinterpret_cast<uint16_t*>(packed));
  };
  const auto multiply = [&kernels](const GemmArgs<float>& args, const float* packed) {
    kernels.gemm_bf16(args, reinterpret_cast<const uint16_t*>(packed));
  };
  return {kernels.isa, peak_gflops(avx512bf16::bf16_dot_loop, kBf16LoopFlops), 2, pack, multiply};
}

}  // namespace

int main(int argc, char** argv) {
  const auto wanted = [&](const char* isa) { return argc < 2 || std::strcmp(argv[1], isa) == 0; };
  std::vector<Flavour> flavours;
  if (const Bf16Kernels* bf16 = bf16_kernels_for("avx512bf16"); bf16 != nullptr && wanted("avx512bf16")) {
    flavours.push_back(bf16_flavour(*bf16));
  }
  for (const char* isa : {"avx512", "avx2"}) {
    const Kernels<float>* kernels = kernels_for(isa);
    if (kernels == nullptr || !wanted(isa)) continue;
    FmaLoop* loop = std::strcmp(isa, "avx512") == 0 ? avx512::fma_loop : avx2::fma_loop;
    flavours.push_back(fp32_flavour(*kernels, peak_gflops(loop, kFmaLoopFlops)));
  }
  for (const Flavour& flavour : flavours) {
    std::printf("%-10s peak: %.1f GFLOP/s\n", flavour.name, flavour.peak);
    for (const Case& c : kCases) run(flavour, c);
  }
  return 0;
}
