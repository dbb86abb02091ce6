// A dropout mask as kernels take it: what dropout_fn of core/types.h's Dropout means, worked out once.
#pragma once
#include "core/philox.h"
#include "kernels/cuda/device.h"

namespace maque::cuda {

struct Mask {
  Dropout key;
  uint32_t threshold;
  float kept;  // what a kept element is multiplied by
};

inline Mask make_mask(const Dropout& dropout) {
  return {dropout, dropout_threshold(dropout.p), 1.0f / (1.0f - dropout.p)};
}

/// Element e of the masked array.
MAQUE_DEVICE float masked(const Mask& mask, uint64_t e, float x) {
  const uint64_t element = mask.key.offset + e;
  const uint32_t word = dropout_block(mask.key, element / 4).word[element % 4];
  return word < mask.threshold ? 0.0f : x * mask.kept;
}

}  // namespace maque::cuda
