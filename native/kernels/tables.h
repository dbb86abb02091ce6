// The tables of kernels, one per flavour. Each is built in ref/table*.cc or simd/table*.cc.
#pragma once
#include "kernels/bf16_list.h"
#include "kernels/flavours.h"
#include "kernels/int8_list.h"
#include "kernels/kernel_list.h"

namespace maque {

#define MAQUE_TABLE(isa) extern const Kernels<float> kernels_##isa;
MAQUE_TABLE(ref)
MAQUE_FLAVOURS(MAQUE_TABLE)
#undef MAQUE_TABLE
#define MAQUE_TABLE(isa) extern const Int8Kernels int8_kernels_##isa;
MAQUE_TABLE(ref)
MAQUE_INT8_FLAVOURS(MAQUE_TABLE)
#undef MAQUE_TABLE
#define MAQUE_TABLE(isa) extern const Bf16Kernels bf16_kernels_##isa;
MAQUE_TABLE(ref)
MAQUE_BF16_FLAVOURS(MAQUE_TABLE)
#undef MAQUE_TABLE

/// Tests only.
extern const Kernels<double> kernels_ref_double;
/// Tests only: weak, so that the libraries link without them (their addresses are then null).
extern const Kernels<float> kernels_emu __attribute__((weak));
extern const Int8Kernels int8_kernels_emu __attribute__((weak));
extern const Bf16Kernels bf16_kernels_emu __attribute__((weak));

}  // namespace maque
