// Sums over rows, a thread for each column: see kChainRows in layer_norm.h.
#pragma once
#include "kernels/cuda/device.h"
#include "kernels/cuda/layer_norm.h"

namespace maque::cuda {

constexpr uint32_t kChainThreads = 128;

/// Terms: value type with `outputs`, and add(i, j, sums), which adds row i's terms of column j to
/// sums[outputs].
template <class Terms>
struct ChainOutputs {
  float* out[Terms::outputs];
};

/// Block y walks its rows. One block of rows adds to the outputs themselves, several write to scratch
/// [blocks][outputs][n].
template <class Terms>
MAQUE_KERNEL(kChainThreads)
chain_rows(Terms terms, int64_t rows, int64_t n, ChainOutputs<Terms> outputs, float* scratch) {
  const int64_t j = static_cast<int64_t>(block_x()) * threads_x() + thread_x();
  if (j >= n) return;
  const int64_t begin = block_y() * kChainRows, end = begin + kChainRows < rows ? begin + kChainRows : rows;
  const bool alone = rows <= kChainRows;
  float sums[Terms::outputs];
  MAQUE_UNROLL
  for (int32_t k = 0; k < Terms::outputs; ++k) sums[k] = alone ? outputs.out[k][j] : 0.0f;
  for (int64_t i = begin; i < end; ++i) terms.add(i, j, sums);
  MAQUE_UNROLL
  for (int32_t k = 0; k < Terms::outputs; ++k) {
    if (alone) {
      outputs.out[k][j] = sums[k];
    } else {
      scratch[(static_cast<int64_t>(block_y()) * Terms::outputs + k) * n + j] = sums[k];
    }
  }
}

/// The blocks' sums, in order, onto the outputs.
template <class Terms>
MAQUE_KERNEL(kChainThreads)
add_chains(int64_t chains, int64_t n, const float* scratch, ChainOutputs<Terms> outputs) {
  const int64_t j = static_cast<int64_t>(block_x()) * threads_x() + thread_x();
  if (j >= n) return;
  MAQUE_UNROLL
  for (int32_t k = 0; k < Terms::outputs; ++k) {
    float sum = outputs.out[k][j];
    for (int64_t c = 0; c < chains; ++c) sum += scratch[(c * Terms::outputs + k) * n + j];
    outputs.out[k][j] = sum;
  }
}

template <class Terms>
Code sum_rows(const char* name, Stream stream, const Terms& terms, int64_t rows, int64_t n,
              const ChainOutputs<Terms>& outputs, float* scratch) {
  if (rows == 0 || n == 0) return kSuccess;
  const uint32_t columns = blocks_for(n, kChainThreads), chains = blocks_for(rows, kChainRows);
  const Launch walk = {name, {columns, chains, 1}, kChainThreads, 0, stream};
  const Code code = launch(walk, chain_rows<Terms>, terms, rows, n, outputs, scratch);
  if (code != kSuccess || chains == 1) return code;
  const Launch fold = {name, {columns, 1, 1}, kChainThreads, 0, stream};
  return launch(fold, add_chains<Terms>, static_cast<int64_t>(chains), n, static_cast<const float*>(scratch),
                outputs);
}

}  // namespace maque::cuda
