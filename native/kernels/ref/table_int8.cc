// The reference of the operations on 8-bit integers.
#include "kernels/ref/gemm_int8.h"
#include "kernels/ref/lstm_int8.h"
#include "kernels/ref/pooling_int8.h"
#include "kernels/ref/quantize_int8.h"
#include "kernels/tables.h"

namespace maque {

#define MAQUE_ENTRY(name) , ref::name
const Int8Kernels int8_kernels_ref = {"ref" MAQUE_INT8_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque
