#include "model/cuda/product.h"

#include <stdio.h>

#include <algorithm>

#include "core/error.h"

namespace maque::cuda {
namespace {

/// Whether the library's own epilogue does all of GemmResult but the copy in bf16.
bool has_epilogue(const GemmResult& r) {
  if (r.pre_activation != nullptr || r.derivative_at != nullptr) return false;
  if (r.accumulate && r.residual != nullptr) return false;
  return r.activation == Activation::none || (r.activation == Activation::relu && r.residual == nullptr);
}

/// Whether it writes the result in bf16 alone: the bias would have to be bf16 too, and so would C.
bool is_bf16_alone(const GemmResult& r) {
  return r.c == nullptr && has_epilogue(r) && r.bias == nullptr && r.residual == nullptr;
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

bool Products::takes(int64_t m, int64_t n, int64_t k, const GemmResult& r) const {
  if (!library_.is_open() || m == 0 || n == 0 || k == 0) return false;
  // Sums need a place, and one that what follows does not read besides.
  if (r.pre_activation == nullptr) {
    if (r.c == nullptr && r.sums == nullptr && !is_bf16_alone(r)) return false;
    if (r.c != nullptr && r.residual == r.c && !has_epilogue(r)) return false;
  }
  if (options_.library == ProductLibrary::cublaslt) return true;
  return std::min({m, n, k}) >= kLargeSide && m * n * k >= kLargeProduct;
}

Code Products::whole_by_library(Stream stream, LibraryProduct* p, const GemmResult& r) {
  p->relu = r.activation == Activation::relu;
  p->bias = r.bias;
  if (r.c == nullptr) {
    p->d_is_bf16 = true;
    p->d = r.c_bf16;
    p->ldd = r.ld_bf16;
    return library_.multiply(stream, *p);
  }
  p->d = r.c;
  p->ldd = r.ldc;
  if (r.accumulate || r.residual != nullptr) {
    p->c = r.accumulate ? r.c : r.residual;
    p->ldc = r.accumulate ? r.ldc : r.ld_residual;
  }
  const Code code = library_.multiply(stream, *p);
  if (code != kSuccess || r.c_bf16 == nullptr) return code;
  GemmResult copy = {};
  copy.c_bf16 = r.c_bf16;
  copy.ld_bf16 = r.ld_bf16;
  return kernels_.finish_product(stream, r.c, r.ldc, p->m, p->n, copy);
}

Code Products::sums_by_library(Stream stream, LibraryProduct* p, const GemmResult& r) {
  float* const sums = r.pre_activation != nullptr ? r.pre_activation : r.c != nullptr ? r.c : r.sums;
  p->d = sums;
  p->ldd = r.pre_activation != nullptr ? r.ld_pre : r.c != nullptr ? r.ldc : p->n;
  p->bias = r.bias;
  if (r.accumulate) {
    p->c = r.c;
    p->ldc = r.ldc;
  }
  const Code code = library_.multiply(stream, *p);
  if (code != kSuccess) return code;
  GemmResult rest = r;
  rest.bias = nullptr;
  rest.pre_activation = nullptr;
  return kernels_.finish_product(stream, sums, p->ldd, p->m, p->n, rest);
}

Code Products::by_library(Stream stream, LibraryProduct* product, const GemmResult& result) {
  const bool whole = has_epilogue(result) && (result.c != nullptr || is_bf16_alone(result));
  const Code code =
      whole ? whole_by_library(stream, product, result) : sums_by_library(stream, product, result);
  if (code != kNotSupported) ++library_count_;
  return code;
}

Code Products::multiply(Stream stream, const GemmFactors& f, const GemmResult& r) {
  LibraryProduct p = {};
  if (takes(f.m, f.n, f.k, r) && set_layout(f.a_row_stride, f.a_k_stride, f.m, f.k, &p.lda, &p.a_by_k) &&
      set_layout(f.b_col_stride, f.b_k_stride, f.n, f.k, &p.ldb, &p.b_by_column)) {
    p.b_by_column = !p.b_by_column;
    p.arithmetic = options_.tf32 ? LibraryArithmetic::tf32 : LibraryArithmetic::fp32;
    p.m = f.m, p.n = f.n, p.k = f.k, p.a = f.a, p.b = f.b;
    const Code code = by_library(stream, &p, r);
    if (code != kNotSupported) return code;
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
    if (code != kNotSupported) return code;
  }
  ++own_count_;
  return kernels_.gemm_bf16(stream, f, r);
}

}  // namespace maque::cuda
