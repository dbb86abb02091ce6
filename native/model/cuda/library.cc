#include "model/cuda/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"

namespace maque::cuda {
namespace {

constexpr const char kDefaultName[] = "libmaque_cuda.so";
constexpr int64_t kMebibyte = 1024 * 1024;

Status no_devices(const Runtime& runtime, Code code) {
  if (code == kInsufficientDriver) {
    int32_t driver = 0, needed = 0;
    runtime.versions(&driver, &needed);
    if (driver == 0) return fail(kUnsupported, "device = cuda: no CUDA driver (%s)", runtime.code_text(code));
    return fail(kUnsupported, "device = cuda: the driver is for CUDA %d.%d, the library for %d.%d (%s)",
                driver / 1000, driver % 1000 / 10, needed / 1000, needed % 1000 / 10,
                runtime.code_text(code));
  }
  return fail(kUnsupported, "device = cuda: no device (CUDA code %d: %s)", code, runtime.code_text(code));
}

Status check_capability(const DeviceInfo& info, int32_t device, int32_t needed, const char* what) {
  if (info.capability >= needed) return kOk;
  return fail(kUnsupported,
              "device cuda:%d (%s) has compute capability %d.%d: %s compute capability %d.%d or later",
              device, info.name, info.capability / 10, info.capability % 10, what, needed / 10, needed % 10);
}

/// printf at *length of out, which is cut at capacity.
template <class... A>
void append(char* out, int64_t capacity, int64_t* length, const char* format, A... args) {
  if (*length >= capacity) return;
  const int n = snprintf(out + *length, static_cast<size_t>(capacity - *length), format, args...);
  *length += n > 0 ? n : 0;
}

}  // namespace

Status open_library(const char* path, const Runtime** runtime) {
  const char* name = path == nullptr || *path == 0 ? kDefaultName : path;
  void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return fail(kUnsupported, "device = cuda: the library cannot be opened: %s", dlerror());
  using Given = const Runtime*();
  Given* given = nullptr;
  *reinterpret_cast<void**>(&given) = dlsym(library, "maque_cuda_runtime");
  if (given == nullptr) {
    dlclose(library);
    return fail(kUnsupported, "device = cuda: %.300s is not libmaque_cuda of this version", name);
  }
  *runtime = given();
  if ((*runtime)->version == kRuntimeVersion) return kOk;
  const int32_t version = (*runtime)->version;
  dlclose(library);
  return fail(kUnsupported, "device = cuda: %.300s has version %d, %d expected", name, version,
              kRuntimeVersion);
}

Status check_device(const Runtime& runtime, int32_t device, Precision precision, DeviceInfo* info) {
  int32_t count = 0;
  Code code = runtime.device_count(&count);
  if (code != kSuccess || count < 1) return no_devices(runtime, code);
  if (device < 0 || device >= count)
    return fail(kUnsupported, "device cuda:%d: this machine has cuda:0 .. cuda:%d", device, count - 1);
  code = runtime.device_info(device, info);
  if (code != kSuccess)
    return fail(kUnsupported, "device cuda:%d: %s (CUDA code %d)", device, runtime.code_text(code), code);
  if (Status s = check_capability(*info, device, kOldestCapability, "the library needs")) return s;
  if (precision != Precision::bf16) return kOk;
  return check_capability(*info, device, kBf16Capability, "precision = bf16 needs");
}

Status describe_devices(const char* path, char* out, int64_t capacity) {
  if (out == nullptr || capacity < 1) return fail(kInvalidArgument, "out is null, or capacity below 1");
  out[0] = 0;
  const Runtime* runtime = nullptr;
  if (Status s = open_library(path, &runtime)) return s;
  DeviceInfo info;
  if (Status s = check_device(*runtime, 0, Precision::fp32, &info)) return s;
  int32_t count = 0, driver = 0, version = 0;
  runtime->device_count(&count);
  runtime->versions(&driver, &version);
  int64_t length = 0;
  for (int32_t i = 0; i < count; ++i) {
    if (runtime->device_info(i, &info) != kSuccess) continue;
    append(out, capacity, &length,
           "%scuda:%d %s, compute capability %d.%d, %d multiprocessors, %lld of %lld MiB free, driver for "
           "CUDA %d.%d, runtime %d.%d",
           i == 0 ? "" : "\n", i, info.name, info.capability / 10, info.capability % 10, info.multiprocessors,
           static_cast<long long>(info.free_memory / kMebibyte),
           static_cast<long long>(info.memory / kMebibyte), driver / 1000, driver % 1000 / 10, version / 1000,
           version % 1000 / 10);
  }
  return kOk;
}

}  // namespace maque::cuda
