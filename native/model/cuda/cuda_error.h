// What a code of the CUDA runtime becomes in the library: a status with a message.
#pragma once
#include "kernels/cuda/launch.h"

namespace maque::cuda {

/// The name of the codes that the library tells apart, "CUDA error" for others.
const char* code_name(Code code);

/// kOk for kSuccess. Else a failure that says what was being done: kOutOfMemory for the code of that name,
/// kUnsupported where the device is too old, kBadState for all others (the device's context is lost then).
Status check_code(Code code, const char* doing);

}  // namespace maque::cuda
