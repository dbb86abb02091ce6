// Tasks of single kernels: what the device can do, products, attention.
#include <string.h>

#include <algorithm>

#include "kernels/bf16.h"
#include "session.h"

namespace maque::gpu {
namespace {

using cuda::ProductLibrary;
using cuda::Products;

std::vector<uint16_t> halves(int64_t n, uint32_t seed) {
  const std::vector<float> values = numbers(n, seed);
  std::vector<uint16_t> all(values.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = to_bf16(values[i]);
  return all;
}

// --- the device's limits ----------------------------------------------------------------------------------

/// The emulated device has no stream in common with the probes' library: theirs is the default one.
cuda::Stream probe_stream(const Session& s) { return s.dry() ? nullptr : s.stream(); }

Task probe(bool tensor, bool dry) {
  return [=](Session& s) {
    const int64_t blocks = dry ? 2 : int64_t{8} * s.info().multiprocessors, rounds = dry ? 3 : 4096;
    static float* const out = s.zeros<float>(blocks * kProbeThreads);
    const auto call = tensor ? s.probes().tensor : s.probes().multiply_add;
    const cuda::Stream stream = probe_stream(s);
    const double seconds =
        s.seconds(tensor ? "tensor" : "fma", [&] { return call(stream, blocks, rounds, out); });
    const int64_t each = tensor ? kTensorOperations : kFmaOperations;
    return Round{seconds, static_cast<double>(blocks * rounds * each)};
  };
}

Task read_probe(bool dry) {
  return [=](Session& s) {
    const int64_t n = dry ? 4096 : int64_t{1} << 28,
                  blocks = dry ? 2 : int64_t{16} * s.info().multiprocessors;
    static const float* const x = s.zeros<float>(n);
    static float* const out = s.zeros<float>(blocks * kProbeThreads);
    const double seconds =
        s.seconds("read", [&] { return s.probes().read(probe_stream(s), blocks, x, n, out); });
    return Round{seconds, static_cast<double>(n) * sizeof(float)};
  };
}

// --- products ---------------------------------------------------------------------------------------------

struct Shape {
  const char* name;
  int64_t m, n, k;
  bool weight_gradient;  // A^T B over the rows of both, m x n of k rows; else x W^T
};

double operations(const Shape& shape) {
  return 2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
}

Task product_bf16_task(const Shape& shape, ProductLibrary library) {
  return [=](Session& s) {
    static std::map<std::string, std::vector<void*>> kept;
    std::vector<void*>& arrays = kept[shape.name];
    if (arrays.empty()) {
      arrays = {s.upload(halves(shape.m * shape.k, 1)), s.upload(halves(shape.n * shape.k, 2)),
                s.zeros<float>(shape.m * shape.n), s.zeros<float>(shape.n)};
    }
    cuda::GemmBf16Factors f = {};
    f.m = shape.m, f.n = shape.n, f.k = shape.k;
    f.a = static_cast<uint16_t*>(arrays[0]), f.b = static_cast<uint16_t*>(arrays[1]);
    f.a_by_k = shape.weight_gradient, f.b_by_column = !shape.weight_gradient;
    f.lda = f.a_by_k ? shape.m : shape.k, f.ldb = f.b_by_column ? shape.k : shape.n;
    cuda::GemmResult r = {};
    r.c = static_cast<float*>(arrays[2]), r.ldc = shape.n;
    if (!shape.weight_gradient) r.bias = static_cast<float*>(arrays[3]);
    Products& products = s.products(library);
    const int64_t before = products.own_count();
    const std::string name = shape.name + std::to_string(static_cast<int32_t>(library));
    const double seconds = s.seconds(name, [&] { return products.multiply_bf16(s.stream(), f, r); });
    if (library == ProductLibrary::cublaslt && products.own_count() != before)
      throw Failed("cuBLASLt has no algorithm for this product");
    return Round{seconds, operations(shape)};
  };
}

Task product_fp32_task(const Shape& shape, ProductLibrary library) {
  return [=](Session& s) {
    static const float *a = nullptr, *b = nullptr;
    static float* c = nullptr;
    if (a == nullptr) {
      a = s.upload(numbers(shape.m * shape.k, 1)), b = s.upload(numbers(shape.n * shape.k, 2));
      c = s.zeros<float>(shape.m * shape.n);
    }
    cuda::GemmResult r = {};
    r.c = c, r.ldc = shape.n;
    Products& products = s.products(library);
    const std::string name = shape.name + std::to_string(static_cast<int32_t>(library));
    const double seconds = s.seconds(name, [&] {
      return products.multiply(s.stream(), {shape.m, shape.n, shape.k, a, shape.k, 1, b, 1, shape.k}, r);
    });
    return Round{seconds, operations(shape)};
  };
}

// --- attention --------------------------------------------------------------------------------------------

struct AttentionArrays {
  cuda::AttentionBf16Batch batch;
  cuda::AttentionBf16Gradients gradients;
  uint16_t* o;
  float* log_sums;
  int64_t tokens;
};

AttentionArrays attention_arrays(Session& s, int64_t texts, int64_t length, int64_t heads, int64_t d) {
  const int64_t tokens = texts * length, width = heads * d;
  std::vector<int32_t> offsets(static_cast<size_t>(texts + 1));
  std::vector<int64_t> squares(static_cast<size_t>(texts));
  for (int64_t t = 0; t <= texts; ++t) offsets[static_cast<size_t>(t)] = static_cast<int32_t>(t * length);
  for (int64_t t = 0; t < texts; ++t) squares[static_cast<size_t>(t)] = t * length * length;
  const uint16_t* const qkv = s.upload(halves(tokens * 3 * width, 3));
  AttentionArrays all = {};
  all.tokens = tokens;
  all.batch = {qkv,   qkv + width, qkv + 2 * width, 3 * width, 3 * width, 3 * width, s.upload(offsets), texts,
               heads, d,           length,          false,     0.125f,    {},        s.upload(squares)};
  all.o = s.zeros<uint16_t>(tokens * width);
  all.log_sums = s.zeros<float>(heads * tokens);
  cuda::AttentionBf16Gradients& g = all.gradients;
  g.o = all.o, g.d_o = s.upload(halves(tokens * width, 4)), g.ldo = g.ld_do = width,
  g.log_sums = all.log_sums;
  g.row_sums = s.zeros<float>(heads * tokens);
  g.dq = s.zeros<uint16_t>(tokens * width), g.dk = s.zeros<uint16_t>(tokens * width),
  g.dv = s.zeros<uint16_t>(tokens * width);
  g.ld_dq = g.ld_dk = g.ld_dv = width;
  return all;
}

/// backward: of both passes.
Task attention_task(bool backward, bool dry) {
  return [=](Session& s) {
    const int64_t texts = dry ? 1 : 16, length = dry ? 20 : 512, heads = dry ? 1 : 12, d = dry ? 16 : 64;
    static const AttentionArrays arrays = attention_arrays(s, texts, length, heads, d);
    const cuda::CudaKernels& kernels = s.kernels();
    const double seconds = s.seconds(backward ? "attention both" : "attention", [&] {
      const cuda::Code code = kernels.attention_bf16_forward(s.stream(), arrays.batch, arrays.tokens,
                                                             arrays.o, heads * d, arrays.log_sums);
      if (code != cuda::kSuccess || !backward) return code;
      return kernels.attention_bf16_backward(s.stream(), arrays.batch, arrays.tokens, arrays.gradients);
    });
    // Two products forward; five backward.
    const auto scores = static_cast<double>(texts * heads * length * length * d);
    return Round{seconds, 2 * scores * (backward ? 7 : 2)};
  };
}

}  // namespace

void add_kernel_tasks(std::map<std::string, Task>* tasks, bool dry) {
  (*tasks)["probe_tensor maque"] = probe(true, dry);
  (*tasks)["probe_fma maque"] = probe(false, dry);
  (*tasks)["probe_read maque"] = read_probe(dry);
  const int64_t tokens = dry ? 24 : 2048, h = dry ? 16 : 768, wide = 4 * h, large = dry ? 32 : 8192;
  const Shape shapes[] = {
      {"gemm_qkv", tokens, 3 * h, h, false},    {"gemm_out", tokens, h, h, false},
      {"gemm_up", tokens, wide, h, false},      {"gemm_down", tokens, h, wide, false},
      {"gemm_gradient", wide, h, tokens, true}, {"gemm_large", large, large, large, false}};
  for (const Shape& shape : shapes) {
    (*tasks)[std::string(shape.name) + " maque"] = product_bf16_task(shape, ProductLibrary::own);
    (*tasks)[std::string(shape.name) + " cublaslt"] = product_bf16_task(shape, ProductLibrary::cublaslt);
  }
  const Shape fp32 = {"gemm_fp32", tokens, wide, h, false};
  (*tasks)["gemm_fp32 maque"] = product_fp32_task(fp32, ProductLibrary::own);
  (*tasks)["gemm_fp32 cublaslt"] = product_fp32_task(fp32, ProductLibrary::cublaslt);
  (*tasks)["attention_forward maque"] = attention_task(false, dry);
  (*tasks)["attention_both maque"] = attention_task(true, dry);
}

}  // namespace maque::gpu
