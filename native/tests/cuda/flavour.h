// The kernels for GPUs as one more flavour of kernel_list.h's operations, run by the emulator: "device
// memory" is the host's, every launch has another order of threads, and a mistake that the emulator finds is
// a failed check. So the tests of the CPU's kernels test these too. What a GPU does in another way (products,
// attention, recurrence) has tests of its own here, and ref's entry in this table.
#pragma once
#include "kernels/cuda/cuda_list.h"
#include "kernels/kernel_list.h"

namespace maque::test {

extern const Kernels<float> kernels_cuda_emulated;

/// Fails a check and says why, if a launch did not go well; sets another order of threads for the next.
void check_launched(cuda::Code code);

}  // namespace maque::test
