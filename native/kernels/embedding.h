// Rows of tables: gather, sum of BERT's three embeddings, and the gradient's scatter.
//
// Error bounds (fp32) for elements of at most 1: embedding_sum_forward 3e-7; gather_rows is exact;
// scatter_add_rows 2.4e-6 * rows for rows <= 60.
#pragma once
#include "core/types.h"

namespace maque {

/// y[i] = word[ids[i]] + position[positions[i]] + type[type_ids ? type_ids[i] : 0], added in that order:
/// (word + position) + type. All tables have rows of n elements; ids are in range (the caller has checked).
template <class T>
using embedding_sum_forward_fn = void(const T* word, const T* position, const T* type, const int32_t* ids,
                                      const int32_t* positions, const int32_t* type_ids, int64_t rows,
                                      int64_t n, T* y);

/// y[i] = table[ids[i]]; ids[i] < 0 gives a row of zeros.
template <class T>
using gather_rows_fn = void(const T* table, int64_t ld_table, const int32_t* ids, int64_t rows, int64_t n,
                            T* y, int64_t ldy);

/// table[ids[order[i]]] += dy[order[i]] for i in [begin, end), in that order. `order` sorts the rows by id
/// and, within an id, by row; a thread gets whole runs of one id, so the sum of a row does not depend on the
/// split. Negative ids are skipped.
template <class T>
using scatter_add_rows_fn = void(const T* dy, int64_t ld_dy, const int32_t* ids, const int32_t* order,
                                 int64_t begin, int64_t end, int64_t n, T* table, int64_t ld_table);

}  // namespace maque
