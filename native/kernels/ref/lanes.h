// Sums in 16 virtual lanes: the order of additions that every instruction set can keep.
#pragma once
#include <cstdint>

#include "kernels/math.h"

namespace maque::ref {

/// 16 partial sums; element e of a row belongs to lane e % 16.
template <class T>
struct Lanes {
  T lane[16] = {};

  void add(int64_t e, T x) { lane[e % 16] += x; }
  void add_product(int64_t e, T x, T y) { lane[e % 16] = math::fma(x, y, lane[e % 16]); }

  /// Folds 16 -> 8 -> 4 -> 2 -> 1, the upper half onto the lower.
  T fold() const {
    T sums[16];
    for (int i = 0; i < 16; ++i) sums[i] = lane[i];
    for (int half = 8; half >= 1; half /= 2) {
      for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
    }
    return sums[0];
  }
};

}  // namespace maque::ref
