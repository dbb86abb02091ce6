#include "kernels/bf16.h"
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/embedding.h"
#include "kernels/cuda/mask.h"
#include "kernels/cuda/rows.h"

namespace maque::cuda {
namespace {

MAQUE_KERNEL(kElementThreads)
sum_embeddings(EmbeddingTables tables, EmbeddingIds ids, int64_t rows, int64_t n, float* y) {
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

/// As gather, with dropout; the result rounded, or not, or both.
struct MaskedRows {
  const float* table;
  int64_t ld_table;
  const int32_t* ids;
  Mask mask;
  float* y;
  uint16_t* y_bf16;
  int64_t ld_bf16;
};

/// A thread an element of a row, what fills a row of bf16 included.
MAQUE_KERNEL(kElementThreads) gather_masked(MaskedRows rows, int64_t count, int64_t n, int64_t width) {
  const int64_t e = element_index();
  if (e >= count * width) return;
  const int64_t i = e / width, j = e % width, id = rows.ids[i];
  float x = id < 0 || j >= n ? 0.0f : rows.table[id * rows.ld_table + j];
  if (rows.mask.key.p > 0) x = masked(rows.mask, static_cast<uint64_t>(i * n + j), x);
  if (rows.y != nullptr && j < n) rows.y[i * n + j] = x;
  if (rows.y_bf16 != nullptr) rows.y_bf16[i * rows.ld_bf16 + j] = to_bf16(x);
}

/// Rows in order, and the runs of equal ids in them.
struct Runs {
  const int32_t *ids, *order;
  int64_t rows;
  MAQUE_DEVICE Runs(const TableGradient& t, int64_t n) : ids(t.ids), order(t.order), rows(n) {}
  MAQUE_DEVICE int64_t id(int64_t i) const { return ids != nullptr ? ids[order[i]] : 0; }
  /// First place of the run that has place i.
  MAQUE_DEVICE int64_t begin(int64_t i) const {
    int64_t low = 0, high = i;
    const int64_t own = id(i);
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (id(middle) == own) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
  /// The place behind the run that has place i: first by steps that double, since most runs are short.
  MAQUE_DEVICE int64_t end(int64_t i) const {
    int64_t low = i + 1, high = rows;
    const int64_t own = id(i);
    for (int64_t step = 1; low + step <= rows; step *= 2) {
      if (id(low + step - 1) != own) {
        high = low + step - 1;
        break;
      }
      low += step;
    }
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (id(middle) == own) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

/// A block takes the run of one id that starts at its place in the order, if one starts there.
MAQUE_KERNEL(kElementThreads)
scatter_runs(const float* dy, int64_t ld_dy, const int32_t* ids, const int32_t* order, int64_t begin,
             int64_t end, int64_t n, float* table, int64_t ld_table) {
  const int64_t first = begin + block_x();
  const int32_t id = ids[order[first]];
  if (id < 0 || (first > begin && ids[order[first - 1]] == id)) return;
  const int64_t last = Runs({table, ids, order}, end).end(first);
  for (int64_t j = thread_x(); j < n; j += threads_x()) {
    float* to = table + id * ld_table + j;
    *to =
        add_rows(*to, dy + j, ld_dy, first, last, [&](int64_t i) { return static_cast<int64_t>(order[i]); });
  }
}

struct ThreeTables {
  TableGradient word, position, type;
  MAQUE_DEVICE TableGradient own() const { return block_y() == 0 ? word : block_y() == 1 ? position : type; }
};

MAQUE_DEVICE int64_t stretch_end(int64_t i) { return (i / kChainRows + 1) * kChainRows; }

/// Whether the run [begin, end) is added up at once.
MAQUE_DEVICE bool is_short(int64_t begin, int64_t end) {
  return end - begin <= kChainRows || end <= stretch_end(begin);
}

/// Row of a table's scratch for the part of a long run that begins at place i: a stretch has one that begins
/// with it, and one that begins inside and goes on.
MAQUE_DEVICE int64_t part_of(int64_t i) { return i / kChainRows * 2 + (i % kChainRows == 0 ? 0 : 1); }

/// A block for each place of the order of one table: it adds up the run, or its part, that begins there.
MAQUE_KERNEL(kElementThreads)
add_runs(const float* dy, int64_t rows, int64_t n, ThreeTables tables, float* scratch) {
  const TableGradient t = tables.own();
  const Runs runs(t, rows);
  const int64_t first = block_x(), id = runs.id(first);
  const bool starts = first == 0 || runs.id(first - 1) != id;
  if (!starts && first % kChainRows != 0) return;
  const int64_t begin = starts ? first : runs.begin(first), end = runs.end(first);
  const bool whole = is_short(begin, end);
  if (whole && !starts) return;
  const int64_t last = whole || end <= stretch_end(first) ? end : stretch_end(first);
  scratch += block_y() * 2 * divide_up(rows, kChainRows) * n;
  float* to = whole ? t.table + id * n : scratch + part_of(first) * n;
  for (int64_t j = thread_x(); j < n; j += threads_x()) {
    float sum = whole ? to[j] : 0.0f;
    sum = add_rows(sum, dy + j, n, first, last, [&](int64_t i) { return static_cast<int64_t>(t.order[i]); });
    to[j] = sum;
  }
}

/// A block for each stretch: if a long run begins in it, the sum of its parts, in order, onto the table.
MAQUE_KERNEL(kElementThreads)
add_parts(int64_t rows, int64_t n, ThreeTables tables, const float* scratch) {
  const TableGradient t = tables.own();
  const Runs runs(t, rows);
  const int64_t begin_of_stretch = block_x() * kChainRows, next = begin_of_stretch + kChainRows;
  if (next >= rows) return;  // a long run goes on in another stretch
  const int64_t id = runs.id(next - 1);
  if (runs.id(next) != id) return;
  const int64_t begin = runs.begin(next - 1), end = runs.end(next - 1);
  if (begin < begin_of_stretch || is_short(begin, end)) return;
  scratch += block_y() * 2 * divide_up(rows, kChainRows) * n;
  for (int64_t j = thread_x(); j < n; j += threads_x()) {
    float sum = t.table[id * n + j];
    for (int64_t i = begin; i < end; i = stretch_end(i)) sum += scratch[part_of(i) * n + j];
    t.table[id * n + j] = sum;
  }
}

}  // namespace

Code embedding_sum_forward(Stream stream, const float* word, const float* position, const float* type,
                           const int32_t* ids, const int32_t* positions, const int32_t* type_ids,
                           int64_t rows, int64_t n, float* y) {
  if (rows * n == 0) return kSuccess;
  return launch(over_elements("embedding_sum_forward", rows * n, stream), sum_embeddings,
                EmbeddingTables{word, position, type}, EmbeddingIds{ids, positions, type_ids}, rows, n, y);
}

Code gather_rows(Stream stream, const float* table, int64_t ld_table, const int32_t* ids, int64_t rows,
                 int64_t n, float* y, int64_t ldy) {
  if (rows * n == 0) return kSuccess;
  return launch(over_elements("gather_rows", rows * n, stream), gather, table, ld_table, ids, rows, n, y,
                ldy);
}

Code gather_rows_masked(Stream stream, const float* table, int64_t ld_table, const int32_t* ids, int64_t rows,
                        int64_t n, const Dropout& dropout, float* y, uint16_t* y_bf16, int64_t ld_bf16) {
  const int64_t width = y_bf16 != nullptr ? ld_bf16 : n;
  if (rows * width == 0) return kSuccess;
  const MaskedRows masked_rows = {table, ld_table, ids, make_mask(dropout), y, y_bf16, ld_bf16};
  return launch(over_elements("gather_rows_masked", rows * width, stream), gather_masked, masked_rows, rows,
                n, width);
}

Code scatter_add_rows(Stream stream, const float* dy, int64_t ld_dy, const int32_t* ids, const int32_t* order,
                      int64_t begin, int64_t end, int64_t n, float* table, int64_t ld_table) {
  if (begin >= end || n == 0) return kSuccess;
  const Launch shape = {"scatter_add_rows", {blocks_for(end - begin, 1), 1, 1}, kElementThreads, 0, stream};
  return launch(shape, scatter_runs, dy, ld_dy, ids, order, begin, end, n, table, ld_table);
}

Code embedding_sum_backward(Stream stream, const float* dy, int64_t rows, int64_t n,
                            const TableGradient& word, const TableGradient& position,
                            const TableGradient& type, float* scratch) {
  if (rows * n == 0) return kSuccess;
  const ThreeTables tables = {word, position, type};
  const char* const name = "embedding_sum_backward";
  const Launch runs = {name, {blocks_for(rows, 1), 3, 1}, kElementThreads, 0, stream};
  const Code code = launch(runs, add_runs, dy, rows, n, tables, scratch);
  if (code != kSuccess || rows <= kChainRows) return code;
  const Launch parts = {name, {blocks_for(rows, kChainRows), 3, 1}, kElementThreads, 0, stream};
  return launch(parts, add_parts, rows, n, tables, static_cast<const float*>(scratch));
}

}  // namespace maque::cuda
