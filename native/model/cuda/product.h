// Products on a GPU, by the library that is chosen for them: cuBLASLt where it was found and the product is
// large, else the kernels of kernels/cuda/gemm.h. All products with weights go through here:
//
//   run(compute, product_bf16, *compute.products, factors, result);
//
// What cuBLASLt has no epilogue for (every activation but relu: its GELU is the tanh form, in other bits than
// ours; its derivative; a copy in bf16 besides) a kernel of ours does after it, so the
// formula is GemmResult's on either way. In fp32 the kernels of ours have the CPU's bits; cuBLASLt sums in
// another order, within the golden tests' bounds. Run to run, both give the same bits on one device.
#pragma once
#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/cuda_list.h"

namespace maque::cuda {

/// automatic: cuBLASLt for large products where it could be opened. cublaslt: for every product that it
/// takes; creating fails where it cannot be opened.
enum class ProductLibrary : int32_t { automatic, own, cublaslt };

struct ProductOptions {
  ProductLibrary library = ProductLibrary::automatic;
  const char* path = nullptr;  // of cuBLASLt, see CublasLt::open
  bool tf32 = false;           // fp32 products by cuBLASLt may round their factors to TF32
};

/// Device memory that cuBLASLt may use while a product runs (its reference asks for 32 MiB on sm_90).
constexpr int64_t kProductWorkspaceBytes = int64_t{32} << 20;

/// Multiply-adds from which on automatic gives a product to cuBLASLt, if no side is below kLargeSide. Not yet
/// measured on a GPU.
constexpr int64_t kLargeProduct = int64_t{1} << 26, kLargeSide = 64;

/// One stream's products. Not thread-safe.
class Products {
 public:
  explicit Products(const CudaKernels& kernels) : kernels_(kernels) {}

  /// workspace: kProductWorkspaceBytes of the device's memory, null where options.library is own. Under
  /// automatic never fails: reason() then says why cuBLASLt is not used.
  Status open(const ProductOptions& options, void* workspace);

  bool has_cublaslt() const { return library_.is_open(); }
  /// What computes large products, and why: "cuBLASLt, version N (PATH)" or "own kernels: ...".
  const char* reason() const { return reason_; }
  const CublasLt& library() const { return library_; }
  /// Products so far, by each.
  int64_t own_count() const { return own_count_; }
  int64_t library_count() const { return library_count_; }

  /// As kernels/cuda/gemm.h's gemm and gemm_bf16.
  Code multiply(Stream stream, const GemmFactors& factors, const GemmResult& result);
  Code multiply_bf16(Stream stream, const GemmBf16Factors& factors, const GemmResult& result);

 private:
  bool takes(int64_t m, int64_t n, int64_t k, const GemmResult& result) const;
  /// kNotSupported: nothing was started.
  Code whole_by_library(Stream stream, LibraryProduct* product, const GemmResult& result);
  Code sums_by_library(Stream stream, LibraryProduct* product, const GemmResult& result);
  Code by_library(Stream stream, LibraryProduct* product, const GemmResult& result);

  const CudaKernels& kernels_;
  ProductOptions options_;
  CublasLt library_;
  int64_t own_count_ = 0, library_count_ = 0;
  char reason_[640] = "own kernels: no other library was asked for";
};

inline Code product(Stream stream, Products& products, const GemmFactors& factors, const GemmResult& result) {
  return products.multiply(stream, factors, result);
}
inline Code product_bf16(Stream stream, Products& products, const GemmBf16Factors& factors,
                         const GemmResult& result) {
  return products.multiply_bf16(stream, factors, result);
}

}  // namespace maque::cuda
