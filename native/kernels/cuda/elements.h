// Loops over elements, one thread each.
#pragma once
#include "kernels/cuda/device.h"

namespace maque::cuda {

constexpr uint32_t kElementThreads = 256;

/// The element of this thread in a grid of one dimension.
MAQUE_DEVICE int64_t element_index() { return static_cast<int64_t>(block_x()) * threads_x() + thread_x(); }

/// A launch with a thread for each of n elements, n above 0.
inline Launch over_elements(const char* name, int64_t n, Stream stream) {
  return {name, {blocks_for(n, kElementThreads), 1, 1}, kElementThreads, 0, stream};
}

}  // namespace maque::cuda
