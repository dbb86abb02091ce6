#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/embedding.h"

namespace maque::cuda {
namespace {

struct Tables {
  const float *word, *position, *type;
};
struct Ids {
  const int32_t *word, *position, *type;
};

MAQUE_KERNEL(kElementThreads) sum_embeddings(Tables tables, Ids ids, int64_t rows, int64_t n, float* y) {
  const int64_t e = element_index();
  if (e >= rows * n) return;
  const int64_t i = e / n, j = e % n;
  const int64_t type = ids.type != nullptr ? ids.type[i] : 0;
  y[e] = (tables.word[ids.word[i] * n + j] + tables.position[ids.position[i] * n + j]) +
         tables.type[type * n + j];
}

MAQUE_KERNEL(kElementThreads)
gather(const float* table, int64_t ld_table, const int32_t* ids, int64_t rows, int64_t n, float* y,
       int64_t ldy) {
  const int64_t e = element_index();
  if (e >= rows * n) return;
  const int64_t i = e / n, j = e % n;
  y[i * ldy + j] = ids[i] < 0 ? 0.0f : table[ids[i] * ld_table + j];
}

/// A block takes the run of one id that starts at its place in the order, if one starts there.
MAQUE_KERNEL(kElementThreads)
scatter_runs(const float* dy, int64_t ld_dy, const int32_t* ids, const int32_t* order, int64_t begin,
             int64_t end, int64_t n, float* table, int64_t ld_table) {
  const int64_t first = begin + block_x();
  const int32_t id = ids[order[first]];
  if (id < 0 || (first > begin && ids[order[first - 1]] == id)) return;
  int64_t last = first + 1;
  while (last < end && ids[order[last]] == id) ++last;
  for (int64_t j = thread_x(); j < n; j += threads_x()) {
    float sum = table[id * ld_table + j];
    for (int64_t i = first; i < last; ++i) sum += dy[order[i] * ld_dy + j];
    table[id * ld_table + j] = sum;
  }
}

}  // namespace

Code embedding_sum_forward(Stream stream, const float* word, const float* position, const float* type,
                           const int32_t* ids, const int32_t* positions, const int32_t* type_ids,
                           int64_t rows, int64_t n, float* y) {
  if (rows * n == 0) return kSuccess;
  return launch(over_elements("embedding_sum_forward", rows * n, stream), sum_embeddings,
                Tables{word, position, type}, Ids{ids, positions, type_ids}, rows, n, y);
}

Code gather_rows(Stream stream, const float* table, int64_t ld_table, const int32_t* ids, int64_t rows,
                 int64_t n, float* y, int64_t ldy) {
  if (rows * n == 0) return kSuccess;
  return launch(over_elements("gather_rows", rows * n, stream), gather, table, ld_table, ids, rows, n, y,
                ldy);
}

Code scatter_add_rows(Stream stream, const float* dy, int64_t ld_dy, const int32_t* ids, const int32_t* order,
                      int64_t begin, int64_t end, int64_t n, float* table, int64_t ld_table) {
  if (begin >= end || n == 0) return kSuccess;
  const Launch shape = {"scatter_add_rows", {blocks_for(end - begin, 1), 1, 1}, kElementThreads, 0, stream};
  return launch(shape, scatter_runs, dy, ld_dy, ids, order, begin, end, n, table, ld_table);
}

}  // namespace maque::cuda
