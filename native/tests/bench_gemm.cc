// Speed of gemm on one thread, beside the peak of the fused multiply-add measured in the same run. Built, not
// run by ctest:   taskset -c 0 ./bench_gemm [avx512|avx2]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "isa/lanes.h"
#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

namespace {

/// Processor time of this thread: other programs' turns do not count.
double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Best time of one run of `work` in at least `rounds` rounds and a quarter of a second.
template <class Work>
double best_seconds(int rounds, const Work& work) {
  double best = 1e9;
  const double start = now();
  for (int round = 0; round < rounds || now() - start < 0.25; ++round) {
    const double before = now();
    work();
    best = std::min(best, now() - before);
  }
  return best;
}

double peak_gflops(const char* isa) {
  constexpr int64_t kSteps = 1000000;
  FmaLoop* loop = std::strcmp(isa, "avx512") == 0 ? avx512::fma_loop : avx2::fma_loop;
  float sink = 0;
  const double seconds = best_seconds(20, [&] { sink += loop(kSteps); });
  const double flops = static_cast<double>(kSteps * kFmaLoopFlops);
  return flops / seconds / 1e9 + (sink == 1.2345f ? 1 : 0);
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

void run(const Kernels<float>& kernels, const Case& c, double peak) {
  Random random(1);
  const auto a = random.vector(c.m * c.k), b = random.vector(c.k * c.n), bias = random.vector(c.n);
  std::vector<float> packed(static_cast<size_t>(gemm_packed_size(c.k, c.n))), scratch(kGemmScratch);
  std::vector<float> out(static_cast<size_t>(c.m * c.n));
  const double pack = best_seconds(5, [&] { kernels.gemm_pack(b.data(), 1, c.k, c.k, c.n, packed.data()); });
  GemmArgs<float> g = {};
  g.m = c.m, g.n = c.n, g.k = c.k, g.a = a.data(), g.b = packed.data(), g.c = out.data(), g.ldc = c.n;
  g.a_row_stride = c.transposed_a ? 1 : c.k, g.a_k_stride = c.transposed_a ? c.m : 1;
  g.bias = c.activation == Activation::none ? nullptr : bias.data(), g.activation = c.activation;
  g.scratch = scratch.data();
  const double seconds = best_seconds(10, [&] { kernels.gemm(g); });
  const double gflops = 2e-9 * static_cast<double>(c.m * c.n * c.k) / seconds;
  const double bandwidth = 4e-9 * static_cast<double>(c.k * c.n) / seconds;
  std::printf(
      "%-8s %-18s %5lld %5lld %5lld  %9.1f us  %6.1f GFLOP/s %5.1f %% of peak  B at %5.1f GB/s  packing "
      "%7.1f us\n",
      kernels.isa, c.what, static_cast<long long>(c.m), static_cast<long long>(c.n),
      static_cast<long long>(c.k), seconds * 1e6, gflops, gflops / peak * 100, bandwidth, pack * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  for (const char* isa : {"avx512", "avx2"}) {
    if (argc > 1 && std::strcmp(argv[1], isa) != 0) continue;
    const Kernels<float>* kernels = kernels_for(isa);
    if (kernels == nullptr) continue;
    const double peak = peak_gflops(isa);
    std::printf("%-8s peak of fma: %.1f GFLOP/s\n", isa, peak);
    for (const Case& c : kCases) run(*kernels, c, peak);
  }
  return 0;
}
