// The peak of the bf16 dot product, for bench_gemm.
#pragma once
#include "core/types.h"

namespace maque {

constexpr int64_t kBf16LoopFlops = 12 * 16 * 4;  // of one step

namespace avx512bf16 {

/// Twelve independent sums, one dot product each a step.
float bf16_dot_loop(int64_t steps);

}  // namespace avx512bf16
}  // namespace maque
