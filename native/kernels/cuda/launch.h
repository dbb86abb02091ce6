// What a launch of a kernel is told, and what it answers: the same on a GPU and in its emulation.
#pragma once
#include "core/attributes.h"
#include "core/types.h"

namespace maque::cuda {

/// A code of the CUDA runtime (the number of a cudaError_t).
using Code = int32_t;
constexpr Code kSuccess = 0;
constexpr Code kInvalidValue = 1;            // an argument that the operation does not take
constexpr Code kMemoryAllocation = 2;        // no memory on the device
constexpr Code kInsufficientDriver = 35;     // no driver, or one older than the library needs
constexpr Code kInvalidDeviceFunction = 98;  // the device is older than the operation needs
constexpr Code kNoDevice = 100;
constexpr Code kInvalidDevice = 101;
constexpr Code kIllegalAddress = 700;             // sticky, as is every code of a kernel's mistake
constexpr Code kLaunchFailure = 719;              // the kernel did something that it may not
constexpr Code kCooperativeLaunchTooLarge = 720;  // more blocks than the device holds at once

/// A cudaStream_t; null is the default stream.
using Stream = void*;

/// Lanes of a warp.
constexpr int32_t kWarp = 32;
constexpr uint32_t kFullWarp = 0xFFFFFFFFu;

/// Dynamic shared memory that every device gives without being asked for more.
constexpr int64_t kPlainSharedBytes = 48 * 1024;

/// Blocks of a grid.
struct Grid {
  uint32_t x, y, z;
};

/// One launch. Blocks have one dimension, of whole warps. A cooperative grid is resident as a whole, so that
/// its blocks may wait for each other (sync_blocks); one that does not fit is kCooperativeLaunchTooLarge.
struct Launch {
  const char* name;
  Grid grid;
  uint32_t threads;
  int64_t shared_bytes;
  Stream stream;
  bool cooperative = false;
};

/// Bytes that SharedMemory::take<T>(n) uses up.
template <class T>
MAQUE_HOST_DEVICE constexpr int64_t shared_bytes(int64_t n) {
  return (n * static_cast<int64_t>(sizeof(T)) + 15) / 16 * 16;
}

MAQUE_HOST_DEVICE constexpr int64_t divide_up(int64_t n, int64_t d) { return (n + d - 1) / d; }

/// Blocks of d each over n, for one dimension of a grid; n above 0.
constexpr uint32_t blocks_for(int64_t n, int64_t d) { return static_cast<uint32_t>(divide_up(n, d)); }

/// Four floats of one 16-byte access.
struct alignas(16) Float4 {
  float x, y, z, w;
};

/// Operands of one mma.sync.m16n8k16 with bf16 factors and fp32 sums. With g = lane / 4 and t = lane % 4 (PTX
/// ISA, "Matrix fragments for mma.m16n8k16"), the lower half of a word being the element named first:
///   A [16, 16]  a[0] = (g, 2t), (g, 2t+1)      a[1] = (g+8, 2t), (g+8, 2t+1)
///               a[2] = (g, 2t+8), (g, 2t+9)    a[3] = (g+8, 2t+8), (g+8, 2t+9)
///   B [16, 8]   b[0] = (2t, g), (2t+1, g)      b[1] = (2t+8, g), (2t+9, g)
///   C [16, 8]   c[0] = (g, 2t)  c[1] = (g, 2t+1)  c[2] = (g+8, 2t)  c[3] = (g+8, 2t+1)
struct FragmentA {
  uint32_t a[4];
};
struct FragmentB {
  uint32_t b[2];
};
struct FragmentC {
  float c[4];
};

}  // namespace maque::cuda
