// The reference in bf16.
#include "kernels/ref/gemm_bf16.h"
#include "kernels/ref/lstm_bf16.h"
#include "kernels/tables.h"

namespace maque {

#define MAQUE_ENTRY(name) , ref::name
const Bf16Kernels bf16_kernels_ref = {"ref" MAQUE_BF16_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque
