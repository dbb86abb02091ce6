// kernels/embedding.h on a GPU, with the CPU's bits: a table's row takes its gradients in the order of the
// rows, by one thread for each column, so no addition meets another.
#pragma once
#include "kernels/cuda/layer_norm.h"
#include "kernels/cuda/on_device.h"
#include "kernels/embedding.h"

namespace maque::cuda {

using embedding_sum_forward_fn = on_device<maque::embedding_sum_forward_fn<float>>;
using gather_rows_fn = on_device<maque::gather_rows_fn<float>>;
using scatter_add_rows_fn = on_device<maque::scatter_add_rows_fn<float>>;

/// gather_rows, then dropout of its result [rows, n], in one launch: to y, contiguous, and rounded to y_bf16,
/// whose rows are ld_bf16 >= n apart and filled with 0. Either may be null.
using gather_rows_masked_fn = Code(Stream stream, const float* table, int64_t ld_table, const int32_t* ids,
                                   int64_t rows, int64_t n, const Dropout& dropout, float* y,
                                   uint16_t* y_bf16, int64_t ld_bf16);

/// A table's gradient [.., n], and the rows that are added to it: row order[i] to that of ids[order[i]]
/// (null: 0), for all rows in an order that sorts them by id and, within an id, by row. Ids are not negative.
struct TableGradient {
  float* table;
  const int32_t *ids, *order;
};

/// Gradients of the three tables of embedding_sum_forward from that of its sum, dy [rows, n]:
/// scatter_add_rows of each, in two launches whatever the number of rows of one id (all of one type, one for
/// each text at the first position). Rows of an id that are not all in one stretch of kChainRows of the order
/// (cut at its multiples) and more than kChainRows in number are added up by stretches: other bits than the
/// CPU's then, the same bound. scratch: embedding_scratch(rows, n) floats.
using embedding_sum_backward_fn = Code(Stream stream, const float* dy, int64_t rows, int64_t n,
                                       const TableGradient& word, const TableGradient& position,
                                       const TableGradient& type, float* scratch);

/// For each table and stretch, the sums of two of its runs: the one that comes in and the one that goes on.
constexpr int64_t embedding_scratch(int64_t rows, int64_t n) {
  return rows <= kChainRows ? 0 : 3 * 2 * divide_up(rows, kChainRows) * n;
}

}  // namespace maque::cuda
