// The peak of the bf16 dot product, for bench_gemm.
#include "isa/bf16/dot_loop.h"

#include "kernels/simd/vec_bf16.h"

namespace maque::MAQUE_ISA {

float bf16_dot_loop(int64_t steps) {
  F sum[12];
  for (F& s : sum) s = F::set1(1.0f);
  const F a = bf16_pairs(F::set1(0.5f), F::set1(-0.5f));
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int l = 0; l < 12; ++l) sum[l] = bf16_dot(a, a, sum[l]);
  }
  F total = F::zero();
  for (const F& s : sum) total = total + s;
  return maque::MAQUE_ISA::sum(total);
}

}  // namespace maque::MAQUE_ISA
