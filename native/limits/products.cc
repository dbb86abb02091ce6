// Time of the products with weights of a teacher of bge-small's geometry, in every precision that the
// instruction set in use has, as a JSON array: least of some short rounds, one thread.
//   taskset -c 0 maque_products
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/memory.h"
#include "core/philox.h"
#include "kernels/dispatch.h"

namespace maque {
namespace limits {
namespace {

struct Shape {
  const char* what;
  int64_t m, n, k;
  Activation activation;
};

constexpr int64_t kTitles = 64, kTokens = 24;  // as in the suite's students
constexpr Shape kShapes[] = {
    {"queries, keys and values, 64 titles of 24", kTitles* kTokens, 1536, 512, Activation::none},
    {"attention output, 64 titles of 24", kTitles* kTokens, 512, 512, Activation::none},
    {"feed-forward up with GELU, 64 titles of 24", kTitles* kTokens, 2048, 512, Activation::gelu_erf},
    {"feed-forward down, 64 titles of 24", kTitles* kTokens, 512, 2048, Activation::none},
    {"queries, keys and values, 1 title of 24", kTokens, 1536, 512, Activation::none},
    {"attention output, 1 title of 24", kTokens, 512, 512, Activation::none},
    {"feed-forward up with GELU, 1 title of 24", kTokens, 2048, 512, Activation::gelu_erf},
    {"feed-forward down, 1 title of 24", kTokens, 512, 2048, Activation::none},
};

double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Least time of one run of `work` in five rounds or more, and 50 ms: the suite runs the program several
/// times.
template <class Work>
double least_seconds(const Work& work) {
  double least = HUGE_VAL;
  const double start = now();
  for (int round = 0; round < 5 || now() - start < 0.05; ++round) {
    const double before = now();
    work();
    const double time = now() - before;
    if (time < least) least = time;
  }
  return least;
}

[[noreturn]] void give_up(const char* why) {
  fprintf(stderr, "maque_products: %s\n", why);
  exit(1);
}

template <class T>
T* zeroed(Buffer<T>* buffer, int64_t n) {
  if (!buffer->allocate_zeroed(n)) give_up("out of memory");
  return buffer->data();
}

/// n numbers in [-1, 1).
float* random(Buffer<float>* buffer, int64_t n, uint32_t key) {
  float* out = zeroed(buffer, n);
  for (int64_t i = 0; i < n; ++i) {
    const PhiloxBlock block = philox4x32({{static_cast<uint32_t>(i), 0, 0, 0}}, key, 0);
    out[i] = static_cast<float>(block.word[0]) * 0x1p-31f - 1;
  }
  return out;
}

/// Operands of one product in floats, and its result.
struct Operands {
  Buffer<float> x_, w_, bias_, out_, scratch_;
  const float *x, *w, *bias;
  float *out, *scratch;

  explicit Operands(const Shape& s)
      : x(random(&x_, s.m * s.k, 1)),
        w(random(&w_, s.n * s.k, 2)),
        bias(random(&bias_, s.n, 3)),
        out(zeroed(&out_, s.m * s.n)),
        scratch(zeroed(&scratch_, kGemmScratch)) {}

  GemmArgs<float> args(const Shape& s) const {
    GemmArgs<float> g = {};
    g.m = s.m, g.n = s.n, g.k = s.k, g.a = x, g.a_row_stride = s.k, g.a_k_stride = 1;
    g.c = out, g.ldc = s.n, g.bias = bias, g.activation = s.activation, g.scratch = scratch;
    return g;
  }
};

double fp32_seconds(const Shape& s) {
  const Operands o(s);
  Buffer<float> packed;
  GemmArgs<float> g = o.args(s);
  float* b = zeroed(&packed, gemm_packed_size(s.k, s.n));
  kernels().gemm_pack(o.w, 1, s.k, s.k, s.n, b);
  g.b = b;
  return least_seconds([&] { kernels().gemm(g); });
}

double bf16_seconds(const Shape& s, const Bf16Kernels& bf16) {
  const Operands o(s);
  Buffer<uint16_t> packed;
  const GemmArgs<float> g = o.args(s);
  uint16_t* b = zeroed(&packed, gemm_bf16_packed_size(s.k, s.n));
  bf16.gemm_bf16_pack(o.w, 1, s.k, s.k, s.n, b);
  return least_seconds([&] { bf16.gemm_bf16(g, b); });
}

/// The product alone: its rows are quantised before.
double int8_seconds(const Shape& s) {
  const Operands o(s);
  Buffer<int8_t> weights, packed;
  Buffer<int32_t> offsets;
  Buffer<uint8_t> quantised;
  Buffer<float> scales;
  int8_t* w = zeroed(&weights, s.n * s.k);
  for (int64_t i = 0; i < s.n * s.k; ++i) w[i] = static_cast<int8_t>(o.w[i] * 64);
  GemmInt8Args g = {};
  g.m = s.m, g.n = s.n, g.k = s.k,
  g.lda = s.k + 64;  // rows a power of two apart would share sets of the cache
  int8_t* b = zeroed(&packed, gemm_int8_packed_size(s.k, s.n));
  int32_t* sums = zeroed(&offsets, int8_whole_n(s.n));
  uint8_t* a = zeroed(&quantised, s.m * g.lda);
  float* a_scale = zeroed(&scales, s.m);
  if (!gemm_int8_pack(w, s.k, s.k, s.n, kZeroPoint8, b, sums)) give_up("weights out of range");
  int8_kernels().quantize_rows(o.x, s.k, s.m, s.k, kZeroPoint8, a, g.lda, a_scale);
  g.a = a, g.a_scale = a_scale, g.a_scale_stride = 1, g.b = b, g.offsets = sums, g.w_scale = o.bias;
  g.c = o.out, g.ldc = s.n, g.bias = o.bias, g.activation = s.activation;
  return least_seconds([&] { int8_kernels().gemm_int8(g); });
}

void print(const Shape& s, const char* precision, double seconds, bool first) {
  printf(
      "%s{\"what\": \"%s\", \"precision\": \"%s\", \"m\": %lld, \"n\": %lld, \"k\": %lld, \"seconds\": %.9f}",
      first ? "[" : ",\n ", s.what, precision, static_cast<long long>(s.m), static_cast<long long>(s.n),
      static_cast<long long>(s.k), seconds);
}

}  // namespace
}  // namespace limits
}  // namespace maque

int main() {
  using namespace maque;
  using namespace maque::limits;
  const Bf16Kernels* bf16 = bf16_kernels();
  bool first = true;
  for (const Shape& s : kShapes) {
    print(s, "fp32", fp32_seconds(s), first);
    first = false;
    if (bf16 != nullptr) print(s, "bf16", bf16_seconds(s, *bf16), first);
    print(s, "int8", int8_seconds(s), first);
  }
  printf("]\n");
  return 0;
}
