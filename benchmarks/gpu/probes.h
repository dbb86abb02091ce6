// Kernels that do nothing but keep one part of a GPU busy: what an ideal kernel could reach there.
#pragma once
#include "kernels/cuda/launch.h"

namespace maque::gpu {

constexpr int64_t kProbeThreads = 256, kProbeChains = 8;

/// Floating-point operations of one round of one block.
constexpr int64_t kTensorOperations = kProbeThreads / cuda::kWarp * kProbeChains * 2 * 16 * 8 * 16;
constexpr int64_t kFmaOperations = kProbeThreads * kProbeChains * 2;

/// out: one float for each thread of the grid; written only if the results are not what they can be.
struct Probes {
  /// mma.sync in bf16, which is all that tensor cores do before Hopper (whose wgmma does more).
  cuda::Code (*tensor)(cuda::Stream stream, int64_t blocks, int64_t rounds, float* out);
  /// fp32 multiply-adds.
  cuda::Code (*multiply_add)(cuda::Stream stream, int64_t blocks, int64_t rounds, float* out);
  /// Reads n floats, a multiple of 4, 16 bytes at a time.
  cuda::Code (*read)(cuda::Stream stream, int64_t blocks, const float* x, int64_t n, float* out);
};

}  // namespace maque::gpu

extern "C" const maque::gpu::Probes* maque_gpu_probes();
