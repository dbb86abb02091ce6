// The tests that hand the host's arrays to kernels, on a real device: the memory that they use, heap and
// stack, is then pinned, which a device sees at the same addresses; and a launch returns when its kernels are
// done. So the same source tests the emulated kernels and the compiled ones.
#pragma once
#include "kernels/cuda/launch.h"

namespace maque::test {

/// Calls tests() in such memory; its result, or 1 where there is no device.
int run_on_device(int (*tests)());

/// What every call answers from a kernel's first mistake on.
cuda::Code code_of_device();

}  // namespace maque::test
