// The table of one instruction set for 8-bit integers.
#include "kernels/simd/declarations_int8.h"
#include "kernels/tables.h"

#define MAQUE_JOIN_(a, b) a##b
#define MAQUE_JOIN(a, b) MAQUE_JOIN_(a, b)
#define MAQUE_TEXT_(a) #a
#define MAQUE_TEXT(a) MAQUE_TEXT_(a)

namespace maque {

#define MAQUE_ENTRY(name) , MAQUE_ISA::name
const Int8Kernels MAQUE_JOIN(int8_kernels_,
                             MAQUE_ISA) = {MAQUE_TEXT(MAQUE_ISA) MAQUE_INT8_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque
