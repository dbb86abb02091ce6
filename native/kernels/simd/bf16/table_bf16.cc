// The table of one instruction set's operations in bf16.
#include "kernels/simd/bf16/declarations.h"
#include "kernels/tables.h"

#define MAQUE_JOIN_(a, b) a##b
#define MAQUE_JOIN(a, b) MAQUE_JOIN_(a, b)
#define MAQUE_TEXT_(a) #a
#define MAQUE_TEXT(a) MAQUE_TEXT_(a)

namespace maque {

#define MAQUE_ENTRY(name) , MAQUE_ISA::name
const Bf16Kernels MAQUE_JOIN(bf16_kernels_,
                             MAQUE_ISA) = {MAQUE_TEXT(MAQUE_ISA) MAQUE_BF16_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque
