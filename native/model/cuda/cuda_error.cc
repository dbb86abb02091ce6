#include "model/cuda/cuda_error.h"

#include "core/error.h"

namespace maque::cuda {

const char* code_name(Code code) {
  switch (code) {
    case kSuccess:
      return "no error";
    case kInvalidValue:
      return "invalid value";
    case kMemoryAllocation:
      return "out of memory";
    case kInsufficientDriver:
      return "the driver is older than this library needs, or there is none";
    case kInvalidDeviceFunction:
      return "the device is older than the operation needs";
    case kNoDevice:
      return "no device";
    case kIllegalAddress:
      return "illegal address";
    case kLaunchFailure:
      return "launch failure";
    case kCooperativeLaunchTooLarge:
      return "more blocks than the device holds at once";
    default:
      return "CUDA error";
  }
}

Status check_code(Code code, const char* doing) {
  if (code == kSuccess) return kOk;
  Status status = kBadState;
  if (code == kMemoryAllocation) status = kOutOfMemory;
  if (code == kInvalidDeviceFunction) status = kUnsupported;
  return fail(status, "%s: %s (CUDA code %d)", doing, code_name(code), code);
}

}  // namespace maque::cuda
