// What libmaque_cuda gives out: the kernels, and of the CUDA runtime what the models' code needs. C functions
// in a versioned struct, so that the library is opened at run time and everything else knows no CUDA.
//
// Functions answer codes. Work on a stream is done in order, and none of it has to be done when the call
// returns; its mistakes show in a later call, and from then on every call that concerns the device answers
// the same code. A thread says use(device) before it calls anything that takes no device. Streams, events and
// graphs belong to one thread at a time.
#pragma once
#include "kernels/cuda/launch.h"

namespace maque::cuda {

struct CudaKernels;

constexpr int32_t kRuntimeVersion = 1;

struct DeviceInfo {
  char name[256];
  int32_t capability;  // 10 * major + minor
  int32_t multiprocessors;
  int64_t memory, free_memory;  // bytes
};

/// The oldest device that kernels are compiled for, and the oldest with products in bf16.
constexpr int32_t kOldestCapability = 75, kBf16Capability = 80;

using Event = void*;
using Graph = void*;

struct Runtime {
  int32_t version;  // kRuntimeVersion; what follows is as above only then
  const CudaKernels* kernels;

  /// Text of a code; never null.
  const char* (*code_text)(Code code);
  /// Versions as 1000 * major + 10 * minor; driver 0: there is none.
  Code (*versions)(int32_t* driver, int32_t* runtime);
  /// kNoDevice or kInsufficientDriver, and 0, where there is none.
  Code (*device_count)(int32_t* count);
  Code (*device_info)(int32_t device, DeviceInfo* info);
  /// Makes a device that of the calling thread.
  Code (*use)(int32_t device);
  /// What is free on the thread's device, and all that it has.
  Code (*memory)(int64_t* free, int64_t* all);

  /// Memory of the device, aligned to 256 bytes; pinned memory of the host, aligned to 64.
  Code (*allocate)(int64_t bytes, void** data);
  Code (*release)(void* data);
  Code (*allocate_pinned)(int64_t bytes, void** data);
  Code (*release_pinned)(void* data);

  Code (*create_stream)(Stream* stream);
  Code (*destroy_stream)(Stream stream);
  /// Waits for all of a stream's work.
  Code (*synchronize)(Stream stream);
  /// Copies between the device and pinned memory, which is left alone until the copy is done.
  Code (*upload)(Stream stream, void* device, const void* host, int64_t bytes);
  Code (*download)(Stream stream, void* host, const void* device, int64_t bytes);

  Code (*create_event)(Event* event);
  Code (*destroy_event)(Event event);
  /// The event happens when what the stream has been given so far is done.
  Code (*record)(Event event, Stream stream);
  Code (*wait)(Event event);

  /// Between the two what the stream is given is not done but noted: kernels alone. end_capture
  /// makes it *graph, which is null at first; a graph that is there becomes the new one, without being made
  /// anew where only arguments and sizes differ. updated (or null): whether that was so.
  Code (*begin_capture)(Stream stream);
  Code (*end_capture)(Stream stream, Graph* graph, int32_t* updated);
  Code (*launch_graph)(Graph graph, Stream stream);
  Code (*destroy_graph)(Graph graph);
};

/// The functions of the struct in its order: a table is made from functions of the same names.
#define MAQUE_CUDA_RUNTIME(X) \
  X(code_text)                \
  X(versions)                 \
  X(device_count)             \
  X(device_info)              \
  X(use)                      \
  X(memory)                   \
  X(allocate)                 \
  X(release)                  \
  X(allocate_pinned)          \
  X(release_pinned)           \
  X(create_stream)            \
  X(destroy_stream)           \
  X(synchronize)              \
  X(upload)                   \
  X(download)                 \
  X(create_event)             \
  X(destroy_event)            \
  X(record)                   \
  X(wait)                     \
  X(begin_capture)            \
  X(end_capture)              \
  X(launch_graph)             \
  X(destroy_graph)

}  // namespace maque::cuda

/// The only symbol that libmaque_cuda gives out; opening the library and asking for it needs no GPU and no
/// driver.
extern "C" const maque::cuda::Runtime* maque_cuda_runtime();
