#include "model/cuda/product.h"

#include <stdio.h>

#include <algorithm>

#include "core/error.h"

namespace maque::cuda {
namespace {

/// Whether the library's own epilogue does all of GemmResult but the copy in bf16.
bool has_epilogue(const GemmResult& r) {
  if (r.pre_activation != nullptr || (r.accumulate && r.residual != nullptr)) return false;
  return r.activation == Activation::none || (r.activation == Activation::relu && r.residual == nullptr);
}

/// Sets a factor's layout; false where neither of its strides is 1, or rows overlap.
bool set_layout(int64_t row_stride, int64_t k_stride, int64_t rows, int64_t k, int64_t* ld, bool* by_k) {
  if (k_stride == 1 && row_stride >= k) {
    *ld = row_stride;
    *by_k = false;
  } else if (row_stride == 1 && k_stride >= rows) {
    *ld = k_stride;
    *by_k = true;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Status Products::open(const ProductOptions& options, void* workspace) {
  options_ = options;
  library_.close();
  if (options.library == ProductLibrary::own) {
    snprintf(reason_, sizeof reason_, "own kernels: asked for");
    return kOk;
  }
  const Status status =
      library_.open(options.path, workspace, workspace == nullptr ? 0 : kProductWorkspaceBytes);
  if (status != kOk) {
    snprintf(reason_, sizeof reason_, "own kernels: %s", last_error());
    return options.library == ProductLibrary::cublaslt ? status : kOk;
  }
  snprintf(reason_, sizeof reason_, "cuBLASLt, version %lld (%s)", static_cast<long long>(library_.version()),
           library_.path());
  return kOk;
}

bool Products::takes(int64_t m, int64_t n, int64_t k, const GemmResult& result) const {
  if (!library_.is_open() || m == 0 || n == 0 || k == 0) return false;
  // What our kernel does after the library reads the residual when the sums have taken its place.
  if (result.residual == result.c && !has_epilogue(result)) return false;
  if (options_.library == ProductLibrary::cublaslt) return true;
  return std::min({m, n, k}) >= kLargeSide && m * n * k >= kLargeProduct;
}

Code Products::by_library(Stream stream, LibraryProduct* product, const GemmResult& r) {
  const bool whole = has_epilogue(r);
  product->d = r.c;
  product->ldd = r.ldc;
  if (r.accumulate) {
    product->c = r.c;
    product->ldc = r.ldc;
  } else if (whole && r.residual != nullptr) {
    product->c = r.residual;
    product->ldc = r.ld_residual;
  }
  if (whole) {
    product->bias = r.bias;
    product->relu = r.activation == Activation::relu;
  }
  const Code code = library_.multiply(stream, *product);
  if (code != kSuccess || (whole && r.c_bf16 == nullptr)) return code;
  GemmResult rest = r;
  if (whole) {
    rest.bias = rest.residual = nullptr;
    rest.activation = Activation::none;
  }
  return kernels_.finish_product(stream, product->m, product->n, rest);
}

Code Products::multiply(Stream stream, const GemmFactors& f, const GemmResult& r) {
  LibraryProduct p = {};
  if (takes(f.m, f.n, f.k, r) && set_layout(f.a_row_stride, f.a_k_stride, f.m, f.k, &p.lda, &p.a_by_k) &&
      set_layout(f.b_col_stride, f.b_k_stride, f.n, f.k, &p.ldb, &p.b_by_column)) {
    p.b_by_column = !p.b_by_column;
    p.arithmetic = options_.tf32 ? LibraryArithmetic::tf32 : LibraryArithmetic::fp32;
    p.m = f.m, p.n = f.n, p.k = f.k, p.a = f.a, p.b = f.b;
    const Code code = by_library(stream, &p, r);
    if (code != kNotSupported) return ++library_count_, code;
  }
  ++own_count_;
  return kernels_.gemm(stream, f, r);
}

Code Products::multiply_bf16(Stream stream, const GemmBf16Factors& f, const GemmResult& r) {
  if (takes(f.m, f.n, f.k, r)) {
    LibraryProduct p = {};
    p.arithmetic = LibraryArithmetic::bf16;
    p.m = f.m, p.n = f.n, p.k = f.k, p.a = f.a, p.b = f.b;
    p.lda = f.lda, p.ldb = f.ldb, p.a_by_k = f.a_by_k, p.b_by_column = f.b_by_column;
    const Code code = by_library(stream, &p, r);
    if (code != kNotSupported) return ++library_count_, code;
  }
  ++own_count_;
  return kernels_.gemm_bf16(stream, f, r);
}

}  // namespace maque::cuda
