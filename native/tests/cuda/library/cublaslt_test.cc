// Products through a library with cuBLASLt's entries, on memory of the host: the arguments that it gets, what
// our kernel does after it, and every way in which it may fail.
//   cublaslt_test FAKE_DIRECTORY INCOMPLETE_DIRECTORY
#include <dlfcn.h>

#include <string>

#include "core/error.h"
#include "kernels/cuda/runtime.h"
#include "model/cuda/compute.h"
#include "tests/cuda/library/fake_cublaslt.h"
#include "tests/cuda/product_case.h"

namespace maque::test {
namespace {

using cuda::GemmBf16Factors;
using cuda::GemmFactors;
using cuda::GemmResult;
using cuda::ProductLibrary;
using cuda::Products;

std::string directory, incomplete;
char workspace[1];

/// The fake, which stays loaded, so that its state outlives what opens it.
FakeState& fake() {
  static FakeState* const state = [] {
    void* const library = dlopen((directory + "/libcublasLt.so.13").c_str(), RTLD_NOW | RTLD_LOCAL);
    using Get = FakeState*();
    return reinterpret_cast<Get*>(dlsym(library, "fake_cublaslt_state"))();
  }();
  return *state;
}

struct Failing {
  explicit Failing(FakeFailure failure) { fake().failure = failure; }
  ~Failing() { fake().failure = FakeFailure::none; }
};

Status open(Products* products, ProductLibrary library, const std::string& path, bool tf32 = false) {
  return products->open({library, path.c_str(), tf32}, workspace);
}

Products& forced() {
  static Products products(*maque_cuda_runtime()->kernels);
  static const Status opened = open(&products, ProductLibrary::cublaslt, directory);
  CHECK_EQ(opened, kOk);
  return products;
}

struct ByLibrary {
  static cuda::Code fp32(const GemmFactors& f, const GemmResult& r) {
    return forced().multiply(nullptr, f, r);
  }
  static cuda::Code bf16(const GemmBf16Factors& f, const GemmResult& r) {
    return forced().multiply_bf16(nullptr, f, r);
  }
};
using Product = ProductCase<ByLibrary>;

TEST(every_layout_and_epilogue) {
  for (int64_t bits = 0; bits < 64; ++bits) {
    const ProductCaseOptions options = option_bits(bits);
    const int64_t before = forced().library_count();
    const Product product(19, 11, 37, options, true);
    product.check_bf16();
    CHECK_LE(max_error(product.run_fp32(), product.run_ref<double>()), 1e-5);
    CHECK_EQ(forced().library_count() - before, 3);  // two calls in bf16, one in fp32
  }
  for (int64_t m : {1, 2, 33}) Product(m, 5, 8, option_bits(4), true).check_bf16();
}

TEST(derivatives_and_bf16_alone) {
  Random random(3);
  const int64_t m = 9, n = 16, k = 24;
  AlignedHalves a(m * k, 0), b(n * k, 0);
  for (int64_t e = 0; e < m * k; ++e) a.data()[e] = to_bf16(random.uniform(-1, 1));
  for (int64_t e = 0; e < n * k; ++e) b.data()[e] = to_bf16(random.uniform(-1, 1));
  const std::vector<float> at = random.vector(m * n, -2, 2), bias = random.vector(n);
  const GemmBf16Factors f = {m, n, k, a.data(), k, false, b.data(), k, true};
  for (int64_t bits = 0; bits < 8; ++bits) {
    const bool derivative = bits & 1, in_fp32 = bits & 2, placed = bits & 4;
    std::vector<float> ours(static_cast<size_t>(m * n)), theirs = ours;
    std::vector<uint16_t> our_halves(ours.size()), their_halves = our_halves;
    GemmResult r = {};
    r.ldc = r.ld_bf16 = r.ld_pre = n;
    r.activation = derivative ? Activation::gelu_erf : Activation::none;
    r.derivative_at = derivative ? at.data() : nullptr;
    r.bias = placed ? bias.data() : nullptr;
    r.c = in_fp32 ? ours.data() : nullptr, r.c_bf16 = our_halves.data();
    check_launched(cuda::gemm_bf16(nullptr, f, r));
    const int64_t before = forced().library_count();
    std::vector<float> sums(ours.size());
    r.sums = placed ? sums.data() : nullptr;
    r.c = in_fp32 ? theirs.data() : nullptr, r.c_bf16 = their_halves.data();
    check_launched(forced().multiply_bf16(nullptr, f, r));
    // The derivative's factor, and a bias, need the sums, which may have no place.
    CHECK_EQ(forced().library_count() - before, derivative && !in_fp32 && !placed ? 0 : 1);
    for (size_t e = 0; e < ours.size(); ++e) {
      CHECK_LE(std::fabs(ours[e] - theirs[e]), 1e-5f);
      CHECK_LE(std::fabs(from_bf16(our_halves[e]) - from_bf16(their_halves[e])), 0.04f);
    }
  }
}

/// The sums would lie where the residual is: our kernel does such a product.
TEST(activation_onto_the_residual_in_place) {
  std::vector<float> a(16, 1), b(16, 1), c(16, 2);
  GemmResult r = {};
  r.c = c.data(), r.ldc = 4, r.residual = c.data(), r.ld_residual = 4, r.activation = Activation::relu;
  const int64_t before = forced().own_count();
  CHECK_EQ(forced().multiply(nullptr, {4, 4, 4, a.data(), 4, 1, b.data(), 4, 1}, r), cuda::kSuccess);
  CHECK_EQ(forced().own_count() - before, 1);
  CHECK_EQ(c[0], 6.0f);
}

TEST(arguments) {
  std::vector<float> a(64 * 64, 1), b(64 * 64, 1), c(64 * 64), bias(64, 1);
  const GemmFactors f = {64, 64, 64, a.data(), 64, 1, b.data(), 64, 1};
  GemmResult r = {};
  r.c = c.data(), r.ldc = 64, r.bias = bias.data(), r.activation = Activation::relu;
  char stream;
  CHECK_EQ(forced().multiply(&stream, f, r), cuda::kSuccess);
  const FakeCall& last = fake().last;
  CHECK_EQ(last.compute, 68);  // fp32, no TF32
  CHECK_EQ(last.epilogue, 6);  // bias, then relu
  CHECK_EQ(last.type, 0);
  CHECK_EQ(last.beta, 0.0f);
  CHECK_EQ(last.stream, &stream);
  CHECK_EQ(last.workspace, workspace);
  CHECK_EQ(static_cast<int64_t>(last.workspace_bytes), cuda::kProductWorkspaceBytes);
  CHECK_EQ(static_cast<int64_t>(fake().workspace), cuda::kProductWorkspaceBytes);
  CHECK_EQ(fake().reduction_mask, 2u);
  CHECK_EQ(c[5], 65.0f);
  Products tf32(*maque_cuda_runtime()->kernels);
  CHECK_EQ(open(&tf32, ProductLibrary::cublaslt, directory + "/libcublasLt.so.13", true), kOk);
  CHECK_EQ(tf32.multiply(nullptr, f, r), cuda::kSuccess);
  CHECK_EQ(last.compute, 77);
  // What is not aligned is said to be so.
  r.c = c.data() + 1, r.ldc = 66, r.bias = nullptr, r.activation = Activation::none;
  const GemmFactors narrow = {4, 4, 4, a.data() + 2, 64, 1, b.data(), 64, 1};
  CHECK_EQ(forced().multiply(nullptr, narrow, r), cuda::kSuccess);
  for (const auto& [index, pointer] : {std::pair<int, const float*>{0, narrow.b}, {1, narrow.a}, {3, r.c}}) {
    const uint32_t alignment = fake().alignments[index];
    CHECK_EQ(reinterpret_cast<uintptr_t>(pointer) % alignment, 0u);
    CHECK(alignment == 16 || reinterpret_cast<uintptr_t>(pointer) % (2 * alignment) != 0);
  }
}

TEST(plans_are_kept_and_given_back) {
  const int64_t objects = fake().objects;
  {
    Products products(*maque_cuda_runtime()->kernels);
    CHECK_EQ(open(&products, ProductLibrary::cublaslt, directory), kOk);
    std::vector<float> a(2048 * 4, 1), b(4 * 4, 1), c(2048 * 4);
    GemmResult r = {};
    r.c = c.data(), r.ldc = 4;
    const auto multiply = [&](int64_t m) {
      return products.multiply(nullptr, {m, 4, 4, a.data(), 4, 1, b.data(), 4, 1}, r);
    };
    for (int round = 0; round < 3; ++round) CHECK_EQ(multiply(7), cuda::kSuccess);
    CHECK_EQ(products.library().plans_made(), 1);
    for (int64_t m = 1; m <= 2048; ++m) CHECK_EQ(multiply(m), cuda::kSuccess);  // more than are kept
    CHECK_EQ(products.library_count(), 3 + 2048);
  }
  CHECK_EQ(fake().objects, objects);
}

TEST(large_products_alone) {
  Products products(*maque_cuda_runtime()->kernels);
  CHECK_EQ(open(&products, ProductLibrary::automatic, directory), kOk);
  CHECK(products.has_cublaslt());
  CHECK(std::string(products.reason()).find("cuBLASLt, version 130100 (" + directory) == 0);
  std::vector<float> a(64 * 1024, 1), b(64 * 1024, 1), c(1024 * 1024);
  GemmResult r = {};
  r.c = c.data(), r.ldc = 1024;
  CHECK_EQ(products.multiply(nullptr, {32, 32, 64, a.data(), 64, 1, b.data(), 1024, 1}, r), cuda::kSuccess);
  CHECK_EQ(products.library_count(), 0);
  CHECK_EQ(products.multiply(nullptr, {1024, 1024, 64, a.data(), 64, 1, b.data(), 1024, 1}, r),
           cuda::kSuccess);
  CHECK_EQ(products.library_count(), 1);
  CHECK_EQ(products.own_count(), 1);
  // Strides that no layout of the library has.
  CHECK_EQ(forced().multiply(nullptr, {4, 4, 4, a.data(), 8, 2, b.data(), 4, 1}, r), cuda::kSuccess);
  CHECK_EQ(c[0], 4.0f);
}

/// Under automatic our kernels do the work, and the reason says why; asked for by name it is an error.
void check_refused(const std::string& path, const char* why) {
  Products products(*maque_cuda_runtime()->kernels);
  CHECK_EQ(open(&products, ProductLibrary::automatic, path), kOk);
  CHECK(!products.has_cublaslt());
  CHECK(std::string(products.reason()).find("own kernels: ") == 0);
  CHECK(std::string(products.reason()).find(why) != std::string::npos);
  CHECK_EQ(open(&products, ProductLibrary::cublaslt, path), kUnsupported);
  CHECK(std::string(last_error()).find(why) != std::string::npos);
}

TEST(refusals) {
  check_refused("/nowhere", "/nowhere");
  check_refused(incomplete, "has no cublasLtMatmul");
  {
    const Failing failing(FakeFailure::no_device);
    check_refused(directory, "no device");
  }
  const Failing failing(FakeFailure::old);
  check_refused(directory, "version 10200");
  Products products(*maque_cuda_runtime()->kernels);
  CHECK_EQ(open(&products, ProductLibrary::own, directory), kOk);
  CHECK_EQ(std::string(products.reason()), "own kernels: asked for");
}

TEST(failures_of_a_product) {
  std::vector<float> a(16, 1), b(16, 1), c(16);
  GemmResult r = {};
  r.c = c.data(), r.ldc = 4;
  const GemmFactors f = {4, 4, 4, a.data(), 4, 1, b.data(), 4, 1};
  for (FakeFailure failure : {FakeFailure::no_algorithm, FakeFailure::nothing_found}) {
    Products products(*maque_cuda_runtime()->kernels);
    CHECK_EQ(open(&products, ProductLibrary::cublaslt, directory), kOk);
    const Failing failing(failure);
    std::fill(c.begin(), c.end(), 0.0f);
    CHECK_EQ(products.multiply(nullptr, f, r), cuda::kSuccess);  // by our kernel
    CHECK_EQ(products.own_count(), 1);
    CHECK_EQ(products.library_count(), 0);
    CHECK_EQ(c[15], 4.0f);
  }
  const Failing failing(FakeFailure::execution);
  cuda::DeviceCompute compute = {*maque_cuda_runtime()->kernels};
  compute.products = &forced();
  run_product(compute, f, r);
  CHECK_EQ(compute.code, cuda::kLaunchFailure);
}

}  // namespace
}  // namespace maque::test

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  maque::test::directory = argv[1];
  maque::test::incomplete = argv[2];
  return maque::test::run_all();
}
