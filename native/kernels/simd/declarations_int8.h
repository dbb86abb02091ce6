// Declares every operation on 8-bit integers in the namespace of this instruction set.
#pragma once
#include "kernels/int8_list.h"
#include "kernels/simd/vec_int8.h"

namespace maque::MAQUE_ISA {

#define MAQUE_DECLARE(name) name##_fn name;
MAQUE_INT8_KERNELS(MAQUE_DECLARE)
#undef MAQUE_DECLARE

}  // namespace maque::MAQUE_ISA
