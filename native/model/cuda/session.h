// One device and one stream of it, as a trainer holds them, and blocks of memory there.
//
// A mistake of the device (a kernel's, or one of another user of it) ends the session: the first is kept, and
// every later call gives it again. The process goes on.
#pragma once
#include "kernels/cuda/runtime.h"
#include "model/cuda/compute.h"

namespace maque::cuda {

/// Where a block lies.
enum class Where : int32_t { device, pinned };

class DeviceSession {
 public:
  DeviceSession() = default;
  ~DeviceSession();
  DeviceSession(const DeviceSession&) = delete;
  DeviceSession& operator=(const DeviceSession&) = delete;

  /// runtime must stay. kUnsupported where the device cannot be used, see check_device.
  Status open(const Runtime& runtime, int32_t device, Precision precision);

  /// To be called first by whatever a caller's thread asks for: kBadState with the first mistake, if there
  /// was one.
  Status enter();
  /// kOk, or a failure that says what was being done. Every code but that of memory ends the session.
  Status check(Code code, const char* doing);

  bool is_open() const { return runtime_ != nullptr; }
  const Runtime& api() const { return *runtime_; }
  Stream stream() const { return stream_; }
  /// Free memory of the device.
  int64_t free_bytes() const;

  /// Bytes between the host's memory of any kind and the device's; they wait for the stream.
  Status write(void* device, const void* host, int64_t bytes);
  Status read(void* host, const void* device, int64_t bytes);
  Status synchronize();

 private:
  const Runtime* runtime_ = nullptr;
  int32_t device_ = 0;
  Stream stream_ = nullptr;
  char* transfer_ = nullptr;  // pinned
  char lost_[256] = {};       // the first mistake
};

/// A block that grows and is given back at the end, which must come before the session's.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  ~DeviceMemory() { release(); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  /// At least `bytes`; what a smaller block held is lost. Growing it asks for half as much again, if there is
  /// as much. kOutOfMemory says what was wanted and what was free.
  Status reserve(DeviceSession* session, Where where, int64_t bytes);
  void release();

  char* data() { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  bool try_allocate(int64_t bytes, Code* code);

  DeviceSession* session_ = nullptr;
  Where where_ = Where::device;
  char* data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace maque::cuda
