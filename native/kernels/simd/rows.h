// Loops over the lanes of a row that leave masks to the last block alone.
#pragma once
#include "kernels/simd/declarations.h"

/// Attribute of a lambda handed to for_lanes: inlined twice, with r = kLanes known in the main loop.
#define MAQUE_BODY __attribute__((always_inline))

namespace maque::MAQUE_ISA {

MAQUE_INLINE F load(const float* p, int64_t r) { return r == kLanes ? F::load(p) : F::load(p, r); }

MAQUE_INLINE void store(F x, float* p, int64_t r) {
  if (r == kLanes) {
    x.store(p);
  } else {
    x.store(p, r);
  }
}

/// x in the first r lanes, 0 in the others.
MAQUE_INLINE F first(F x, int64_t r) { return r == kLanes ? x : select(M::first_lanes(r), x, F::zero()); }

MAQUE_INLINE int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }

}  // namespace maque::MAQUE_ISA
