// The table of one instruction set.
#include "kernels/simd/declarations.h"
#include "kernels/tables.h"

#define MAQUE_JOIN_(a, b) a##b
#define MAQUE_JOIN(a, b) MAQUE_JOIN_(a, b)
#define MAQUE_TEXT_(a) #a
#define MAQUE_TEXT(a) MAQUE_TEXT_(a)

namespace maque {

#define MAQUE_ENTRY(name) , MAQUE_ISA::name
const Kernels<float> MAQUE_JOIN(kernels_, MAQUE_ISA) = {MAQUE_TEXT(MAQUE_ISA) MAQUE_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque
