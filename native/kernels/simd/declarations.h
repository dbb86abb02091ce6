// Declares every operation in the namespace of this instruction set; each source in simd/ defines some of
// them.
#pragma once
#include "kernels/kernel_list.h"
#include "kernels/simd/vec.h"

namespace maque::MAQUE_ISA {

#define MAQUE_DECLARE(name) name##_fn<float> name;
MAQUE_KERNELS(MAQUE_DECLARE)
#undef MAQUE_DECLARE

}  // namespace maque::MAQUE_ISA
