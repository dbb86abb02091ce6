// 16 virtual lanes as half a warp: the order of sums of kernels/layer_norm.h.
#pragma once
#include "kernels/cuda/device.h"

namespace maque::cuda {

constexpr int32_t kLanes = 16;

/// Folds the lanes' sums 16 -> 8 -> 4 -> 2 -> 1, upper half onto lower, and gives all lanes the total. The
/// whole warp calls it.
MAQUE_DEVICE float fold_lanes(float sum) {
  MAQUE_UNROLL
  for (int32_t half = kLanes / 2; half > 0; half /= 2) sum += shuffle_down(sum, half, kLanes);
  return shuffle(sum, 0, kLanes);
}

}  // namespace maque::cuda
