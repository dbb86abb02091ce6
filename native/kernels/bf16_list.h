// The one list of operations in bf16. A processor that has them is asked for by dispatch.h.
#pragma once
#include "kernels/gemm_bf16.h"
#include "kernels/lstm_bf16.h"

namespace maque {

#define MAQUE_BF16_KERNELS(X) \
  X(gemm_bf16_pack)           \
  X(gemm_bf16)                \
  X(lstm_bf16_step)

/// The operations in bf16, in one flavour.
struct Bf16Kernels {
  const char* isa;  // ref, emu, or one of MAQUE_BF16_FLAVOURS
#define MAQUE_FIELD(name) name##_fn* name;
  MAQUE_BF16_KERNELS(MAQUE_FIELD)
#undef MAQUE_FIELD
};

}  // namespace maque
