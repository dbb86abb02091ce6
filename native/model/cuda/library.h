// libmaque_cuda, opened at run time, and what can be said of its devices.
#pragma once
#include "core/types.h"
#include "kernels/cuda/runtime.h"

namespace maque::cuda {

/// Opens the library at `path` (null or "": libmaque_cuda.so, where the loader finds it); it stays open.
/// kUnsupported, with the loader's reason, where there is none or it is not of this version.
Status open_library(const char* path, const Runtime** runtime);

/// Whether a device can be used for products in `precision`: kUnsupported, and why not, where there is no
/// driver, no such device, or it is too old.
Status check_device(const Runtime& runtime, int32_t device, Precision precision, DeviceInfo* info);

/// A line for each device, with its name, compute capability, memory and the versions of driver and runtime;
/// or, as the two above do, why there is none.
Status describe_devices(const char* path, char* out, int64_t capacity);

}  // namespace maque::cuda
