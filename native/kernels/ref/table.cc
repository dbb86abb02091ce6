// The reference in float: the bits that every other flavour has to give.
#include "kernels/ref/all.h"
#include "kernels/tables.h"

namespace maque {

#define MAQUE_ENTRY(name) , ref::name<float>
const Kernels<float> kernels_ref = {"ref" MAQUE_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque
