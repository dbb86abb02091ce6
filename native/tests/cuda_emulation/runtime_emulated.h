// kernels/cuda/runtime.h on the CPU. A stream is a queue that is worked off only when somebody waits for it,
// as late as a GPU might: what the host reads too early, or writes again too early, shows. "Device memory" is
// full of NaN at first and is counted against the emulated device's; copies go from and to pinned memory
// alone.
//
// Tests make the device fail, and read what has been asked of it. So do the environment's variables, when the
// library is used by another program (libmaque_cuda_emulated.so):
//   MAQUE_EMULATED_DEVICES [1]      0: none
//   MAQUE_EMULATED_DRIVER [1]       0: none
//   MAQUE_EMULATED_CAPABILITY [90]
//   MAQUE_EMULATED_MEMORY [4294967296]
//   MAQUE_EMULATED_FAIL_LAUNCH [-1] the launch that fails, counted from 0; -1: none
#pragma once
#include <functional>

#include "kernels/cuda/launch.h"

namespace maque::emulation {

/// What goes wrong.
struct Faults {
  int32_t devices = 1;
  bool driver = true;
  int64_t memory = int64_t{1} << 32;
  int64_t fail_launch = -1;  // this many launches go well, the next is kIllegalAddress, as is all after it
};
Faults& faults();

/// Calls of the API since the last reset.
struct ApiCounts {
  int64_t allocations, waits, uploads, downloads, launches, graphs_made, graphs_updated, graph_launches;
};
const ApiCounts& api_counts();

/// Bytes and blocks that are allocated, on the device and pinned.
struct Held {
  int64_t device_bytes, device_blocks, pinned_blocks, streams, events, graphs;
};
Held held();

/// Ends the device's error, forgets the faults and counts from 0.
void reset_runtime();

/// What a call on a stream that is not the default does: notes the work. kernel tells one graph's shape from
/// another's; null for what is none.
cuda::Code enqueue(cuda::Stream stream, const void* kernel, std::function<cuda::Code()> work);

}  // namespace maque::emulation
