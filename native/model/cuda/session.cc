#include "model/cuda/session.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "model/cuda/library.h"

namespace maque::cuda {
namespace {

constexpr int64_t kTransferBytes = int64_t{4} << 20;

}  // namespace

DeviceSession::~DeviceSession() {
  if (runtime_ == nullptr) return;
  runtime_->use(device_);
  if (stream_ != nullptr) runtime_->destroy_stream(stream_);
  if (transfer_ != nullptr) runtime_->release_pinned(transfer_);
}

Status DeviceSession::open(const Runtime& runtime, int32_t device, Precision precision) {
  DeviceInfo info;
  if (Status s = check_device(runtime, device, precision, &info)) return s;
  runtime_ = &runtime;
  device_ = device;
  if (Status s = enter()) return s;
  if (Status s = check(runtime.create_stream(&stream_), "creating a stream")) return s;
  void* block = nullptr;
  const Code code = runtime.allocate_pinned(kTransferBytes, &block);
  transfer_ = static_cast<char*>(block);
  return check(code, "pinning memory");
}

Status DeviceSession::enter() {
  if (lost_[0] != 0) return fail(kBadState, "%s", lost_);
  return check(runtime_->use(device_), "choosing the device");
}

Status DeviceSession::check(Code code, const char* doing) {
  if (code == kSuccess) return kOk;
  if (code == kMemoryAllocation) return fail(kOutOfMemory, "%s: out of memory", doing);
  if (lost_[0] == 0) {
    snprintf(lost_, sizeof lost_, "device cuda:%d is lost to this trainer: %s: %s (CUDA code %d)", device_,
             doing, runtime_->code_text(code), code);
  }
  return fail(kBadState, "%s", lost_);
}

int64_t DeviceSession::free_bytes() const {
  int64_t free = 0, all = 0;
  return runtime_->memory(&free, &all) == kSuccess ? free : 0;
}

Status DeviceSession::synchronize() {
  return check(runtime_->synchronize(stream_), "waiting for the device");
}

Status DeviceSession::write(void* device, const void* host, int64_t bytes) {
  for (int64_t done = 0; done < bytes; done += kTransferBytes) {
    const int64_t n = bytes - done < kTransferBytes ? bytes - done : kTransferBytes;
    memcpy(transfer_, static_cast<const char*>(host) + done, static_cast<size_t>(n));
    const Code code = runtime_->upload(stream_, static_cast<char*>(device) + done, transfer_, n);
    if (Status s = check(code, "copying to the device")) return s;
    if (Status s = synchronize()) return s;
  }
  return kOk;
}

Status DeviceSession::read(void* host, const void* device, int64_t bytes) {
  for (int64_t done = 0; done < bytes; done += kTransferBytes) {
    const int64_t n = bytes - done < kTransferBytes ? bytes - done : kTransferBytes;
    const Code code = runtime_->download(stream_, transfer_, static_cast<const char*>(device) + done, n);
    if (Status s = check(code, "copying from the device")) return s;
    if (Status s = synchronize()) return s;
    memcpy(static_cast<char*>(host) + done, transfer_, static_cast<size_t>(n));
  }
  return kOk;
}

void DeviceMemory::release() {
  if (data_ == nullptr) return;
  const Runtime& api = session_->api();
  where_ == Where::device ? api.release(data_) : api.release_pinned(data_);
  data_ = nullptr;
  bytes_ = 0;
}

bool DeviceMemory::try_allocate(int64_t bytes, Code* code) {
  const Runtime& api = session_->api();
  void* block = nullptr;
  *code = where_ == Where::device ? api.allocate(bytes, &block) : api.allocate_pinned(bytes, &block);
  if (*code != kSuccess) return false;
  data_ = static_cast<char*>(block);
  bytes_ = bytes;
  return true;
}

Status DeviceMemory::reserve(DeviceSession* session, Where where, int64_t bytes) {
  if (data_ != nullptr && bytes <= bytes_) return kOk;
  session_ = session;
  where_ = where;
  const int64_t wanted = bytes > 0 ? bytes : 1, generous = bytes_ + bytes_ / 2;
  if (data_ != nullptr) {
    if (Status s = session->synchronize()) return s;  // a step under way may use it
    release();
  }
  Code code = kSuccess;
  if (generous > wanted && try_allocate(generous, &code)) return kOk;
  if (try_allocate(wanted, &code)) return kOk;
  if (code != kMemoryAllocation) return session->check(code, "allocating memory");
  const auto n = static_cast<long long>(wanted);
  if (where == Where::pinned) return fail(kOutOfMemory, "out of memory: %lld bytes to be pinned", n);
  return fail(kOutOfMemory, "out of memory on the device: %lld bytes wanted, %lld free", n,
              static_cast<long long>(session->free_bytes()));
}

}  // namespace maque::cuda
