#pragma once
#include "core/philox.h"
#include "kernels/dropout.h"

namespace maque::ref {

template <class T>
void dropout(const Dropout& dropout, const T* x, int64_t n, T* y) {
  const uint32_t threshold = dropout_threshold(dropout.p);
  const T kept = T(1) / (T(1) - T(dropout.p));
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t element = dropout.offset + static_cast<uint64_t>(i);
    const uint32_t word = dropout_block(dropout, element / 4).word[element % 4];
    y[i] = word < threshold ? T(0) : x[i] * kept;
  }
}

}  // namespace maque::ref
