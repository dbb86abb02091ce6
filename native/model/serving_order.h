// Gates as tensors have them, gate after gate, into block order (kernels/lstm_int8.h).
#pragma once
#include <string.h>

#include "kernels/lstm_int8.h"

namespace maque {

/// Place in block order of gate n of a unit.
inline int64_t place_of(int64_t unit, int64_t n, int64_t gates) {
  return (unit / kLstmBlock * gates + n) * kLstmBlock + unit % kLstmBlock;
}

/// from [gates * hidden] (gate after gate), elements of `stride`, to [gates * whole] in block order; what is
/// past hidden becomes zero.
template <class T>
void to_block_order(const T* from, int64_t hidden, int64_t gates, T* to, int64_t stride = 1) {
  const int64_t places = gates * lstm_whole(hidden);
  memset(to, 0, static_cast<size_t>(places * stride) * sizeof(T));
  for (int64_t n = 0; n < gates; ++n) {
    for (int64_t unit = 0; unit < hidden; unit += kLstmBlock) {  // a block's units of one gate lie together
      const int64_t units = hidden - unit < kLstmBlock ? hidden - unit : kLstmBlock;
      memcpy(to + place_of(unit, n, gates) * stride, from + (n * hidden + unit) * stride,
             static_cast<size_t>(units * stride) * sizeof(T));
    }
  }
}

}  // namespace maque
