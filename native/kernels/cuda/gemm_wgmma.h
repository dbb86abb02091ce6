// gemm_bf16 of compute capability 9.0: for gemm_bf16.cu, which chooses it.
#pragma once
#include "kernels/cuda/gemm.h"

namespace maque::cuda {

/// For aligned factors (see GemmBf16Factors) and m, n, k above 0, where hopper.h's has_wgmma().
Code gemm_wgmma(Stream stream, const GemmBf16Factors& factors, const GemmResult& result);

}  // namespace maque::cuda
