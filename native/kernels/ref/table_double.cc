// The reference in double: what errors and gradients are measured against. An object of its own, so that the
// libraries, which do not need it, link without it.
#include "kernels/ref/all.h"
#include "kernels/tables.h"

namespace maque {

#define MAQUE_ENTRY(name) , ref::name<double>
const Kernels<double> kernels_ref_double = {"ref_double" MAQUE_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque
