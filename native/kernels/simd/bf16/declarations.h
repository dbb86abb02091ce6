// Declares every operation in bf16 in the namespace of this instruction set.
#pragma once
#include "kernels/bf16_list.h"

namespace maque::MAQUE_ISA {

#define MAQUE_DECLARE(name) name##_fn name;
MAQUE_BF16_KERNELS(MAQUE_DECLARE)
#undef MAQUE_DECLARE

}  // namespace maque::MAQUE_ISA
