// Matrix product in fp32. See kernels/gemm.h for the contract, gemm_driver.h for how it is cut.
#include "kernels/simd/declarations.h"
#include "kernels/simd/gemm_driver.h"

namespace maque::MAQUE_ISA {
namespace {

/// A word is one element.
struct Fp32Words {
  static constexpr int64_t kElements = 1;

  static MAQUE_INLINE F load(const float* p) { return F::load(p); }
  static MAQUE_INLINE F load(const float* p, int64_t n) { return F::load(p, n); }
  static MAQUE_INLINE F dot(F a, F b, F c) { return fma(a, b, c); }

  template <int R>
  static void pack_columns(const float* a, int64_t k_stride, int64_t k, float* packed) {
    for (int64_t p = 0; p < k; ++p) __builtin_memcpy(packed + p * R, a + p * k_stride, R * sizeof(float));
  }
};

}  // namespace

void gemm(const GemmArgs<float>& g) { run_gemm<Fp32Words>(g, g.b); }

}  // namespace maque::MAQUE_ISA
