// 4 x 4 transposition of 32-bit elements, the same source on every instruction set.
#pragma once
#include "kernels/simd/vec.h"

namespace maque::MAQUE_ISA {

typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourIndices __attribute__((vector_size(16)));

/// out[j * ld_out + i] = in[i * ld_in + j] for i, j in [0, 4).
MAQUE_INLINE void transpose4(const float* in, int64_t ld_in, float* out, int64_t ld_out) {
  Four a, b, c, d;
  __builtin_memcpy(&a, in, 16);
  __builtin_memcpy(&b, in + ld_in, 16);
  __builtin_memcpy(&c, in + 2 * ld_in, 16);
  __builtin_memcpy(&d, in + 3 * ld_in, 16);
  const FourIndices low = {0, 4, 1, 5}, high = {2, 6, 3, 7}, first = {0, 1, 4, 5}, last = {2, 3, 6, 7};
  const Four ab_low = __builtin_shuffle(a, b, low), ab_high = __builtin_shuffle(a, b, high);
  const Four cd_low = __builtin_shuffle(c, d, low), cd_high = __builtin_shuffle(c, d, high);
  a = __builtin_shuffle(ab_low, cd_low, first);
  b = __builtin_shuffle(ab_low, cd_low, last);
  c = __builtin_shuffle(ab_high, cd_high, first);
  d = __builtin_shuffle(ab_high, cd_high, last);
  __builtin_memcpy(out, &a, 16);
  __builtin_memcpy(out + ld_out, &b, 16);
  __builtin_memcpy(out + 2 * ld_out, &c, 16);
  __builtin_memcpy(out + 3 * ld_out, &d, 16);
}

}  // namespace maque::MAQUE_ISA
