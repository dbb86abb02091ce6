// The tables of kernels, one per flavour. Each is built in ref/table*.cc or simd/table*.cc.
#pragma once
#include "kernels/gemm_bf16.h"
#include "kernels/int8_list.h"
#include "kernels/kernel_list.h"

namespace maque {

extern const Kernels<float> kernels_ref, kernels_avx2, kernels_avx512;
extern const Kernels<double> kernels_ref_double;
/// Tests only: weak, so that the libraries link without it (its address is then null).
extern const Kernels<float> kernels_emu __attribute__((weak));

extern const Int8Kernels int8_kernels_ref, int8_kernels_avx2, int8_kernels_avx512, int8_kernels_avx512vnni;
/// Tests only.
extern const Int8Kernels int8_kernels_emu __attribute__((weak));
extern const Bf16Kernels bf16_kernels_ref, bf16_kernels_avx512bf16;
extern const Bf16Kernels bf16_kernels_emu __attribute__((weak));

}  // namespace maque
