// How the model's code for GPUs calls the kernels, and how what the host works out for a batch gets to them.
//
// A pass has three parts: plan (cut the memory; with measuring carvers, find out how much it takes), stage
// (the host fills its side of the staging block) and run (kernels are issued to the stream, which first
// copies the block). None of them allocates and none waits for the device.
#pragma once
#include "kernels/cuda/cuda_list.h"
#include "model/carver.h"
#include "model/compute.h"
#include "model/cuda/product.h"

namespace maque::cuda {

/// Kernels and the stream that they are issued to. One pass at a time.
struct DeviceCompute {
  const CudaKernels& kernels;
  Stream stream = nullptr;
  Precision precision = Precision::fp32;  // fp32 or bf16: of products with weights and of attention
  Code code = kSuccess;                   // of the first call that failed
  Products* products = nullptr;           // what computes products; null: the table's kernels

  bool is_bf16() const { return precision == Precision::bf16; }
};

/// Issues kernel(stream, args...), or nothing once a call has failed:
///   run(compute, compute.kernels.add, x, n, y);
template <class... P, class... A>
void run(DeviceCompute& compute, Code (*kernel)(Stream, P...), A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "one argument for each parameter");
  if (compute.code == kSuccess) compute.code = kernel(compute.stream, static_cast<A&&>(args)...);
}

/// C = A B and what follows it, by what is chosen for such a product (product.h).
inline void run_product(DeviceCompute& compute, const GemmFactors& factors, const GemmResult& result) {
  if (compute.products == nullptr) return run(compute, compute.kernels.gemm, factors, result);
  run(compute, product, *compute.products, factors, result);
}
inline void run_product(DeviceCompute& compute, const GemmBf16Factors& factors, const GemmResult& result) {
  if (compute.products == nullptr) return run(compute, compute.kernels.gemm_bf16, factors, result);
  run(compute, product_bf16, *compute.products, factors, result);
}

/// An array that the host fills and the device reads.
template <class T>
struct Staged {
  T* host = nullptr;
  T* device = nullptr;
};

/// Cuts the staging block and its twin on the device alike. Without blocks it only measures.
class StagingCarver {
 public:
  StagingCarver(void* host, void* device) : host_(host), device_(device) {}

  /// n elements on each side, aligned to 64 bytes; null while measuring.
  template <class T>
  Staged<T> take(int64_t n) {
    return {host_.take<T>(n), device_.take<T>(n)};
  }
  /// The same, filled from values (which may be null while measuring).
  template <class T>
  Staged<T> copy(const T* values, int64_t n) {
    const Staged<T> staged = take<T>(n);
    if (staged.host != nullptr && n > 0) {
      __builtin_memcpy(staged.host, values, static_cast<size_t>(n) * sizeof(T));
    }
    return staged;
  }

  /// Bytes taken so far, on each side.
  int64_t used() const { return host_.used(); }

 private:
  Carver host_, device_;
};

/// Mask of one site in a step; no dropout where there is no key or p is 0.
inline Dropout mask_of(const DropoutKey* key, double p, uint32_t site) {
  if (key == nullptr) return {0, 0, 0, site, 0};
  return {static_cast<float>(p), key->seed, key->step, site, 0};
}

}  // namespace maque::cuda
