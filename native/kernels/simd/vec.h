// F: sixteen float lanes on every instruction set, and I (sixteen 32-bit integers) and M (sixteen flags)
// beside it. A source in simd/ is compiled once per set, in namespace maque::MAQUE_ISA, and sees one and the
// same interface:
//
//   F: load(p), load(p, r) (lanes past r are 0), store(p), store(p, r), set1, zero, + - * /, fma (a b + c),
//      fnma (c - a b), max (a > b ? a : b), min (a < b ? a : b), abs, negate, sqrt, < <= > >= ==, select(m,
//      a, b), sum and reduce_max (fold 16 -> 8 -> 4 -> 2 -> 1, the upper half joined to the lower), bits,
//      floats, to_float
//   I: load, store (whole and first r lanes), set1, iota, + - & | ^, shift_left, shift_right,
//   shift_right_signed, ==,
//      below (unsigned <), mul_wide (32 x 32 -> high and low words), select
//   M: first_lanes(r), & |, any
//
// Pointers need no alignment. r is in [0, 16].
#pragma once
#include "core/attributes.h"
#include "core/types.h"

#ifndef MAQUE_ISA
#  error "MAQUE_ISA names the instruction set that this file is compiled for"
#endif

// MAQUE_VECTORS: how many F the registers hold; tiles of sums are sized by it.
#if defined(MAQUE_ISA_AVX512)
#  define MAQUE_VECTORS 32
#  include "kernels/simd/vec_avx512.h"
#elif defined(MAQUE_ISA_AVX2)
#  define MAQUE_VECTORS 8
#  include "kernels/simd/vec_avx2.h"
#elif defined(MAQUE_ISA_NEON)
#  define MAQUE_VECTORS 8
#  include "kernels/simd/vec_neon.h"
#else
#  define MAQUE_VECTORS 32
#  include "kernels/simd/vec_emu.h"
#endif

namespace maque::MAQUE_ISA {

/// Lanes of F.
constexpr int64_t kLanes = 16;

/// Calls body(i, r) for blocks of lanes: i = 0, 16, ... and r = lanes in use (16, or what is left at the
/// end).
template <class Body>
MAQUE_INLINE void for_lanes(int64_t n, const Body& body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, kLanes);
  if (i < n) body(i, n - i);
}

}  // namespace maque::MAQUE_ISA
