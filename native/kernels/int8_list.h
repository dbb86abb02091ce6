// The list of operations on 8-bit integers, beside kernel_list.h: they have no scalar type to choose, and
// flavours of their own (kernels/flavours.h).
#pragma once
#include "kernels/gemm_int8.h"
#include "kernels/lstm_int8.h"
#include "kernels/pooling_int8.h"
#include "kernels/quantize_int8.h"

#define MAQUE_INT8_KERNELS(X) \
  X(gemm_int8)                \
  X(lstm_int8_step)           \
  X(mean_pool_int8)           \
  X(quantize_rows)            \
  X(quantize_rows_affine)

namespace maque {

/// Every operation on 8-bit integers in one flavour.
struct Int8Kernels {
  const char* isa;  // ref, emu, or one of MAQUE_INT8_FLAVOURS
#define MAQUE_FIELD(name) name##_fn* name;
  MAQUE_INT8_KERNELS(MAQUE_FIELD)
#undef MAQUE_FIELD
};

}  // namespace maque
