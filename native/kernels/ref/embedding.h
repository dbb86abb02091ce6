#pragma once
#include "kernels/embedding.h"

namespace maque::ref {

template <class T>
void embedding_sum_forward(const T* word, const T* position, const T* type, const int32_t* ids,
                           const int32_t* positions, const int32_t* type_ids, int64_t rows, int64_t n, T* y) {
  for (int64_t i = 0; i < rows; ++i, y += n) {
    const T* w = word + ids[i] * n;
    const T* p = position + positions[i] * n;
    const T* t = type + (type_ids != nullptr ? type_ids[i] : 0) * n;
    for (int64_t j = 0; j < n; ++j) y[j] = (w[j] + p[j]) + t[j];
  }
}

template <class T>
void gather_rows(const T* table, int64_t ld_table, const int32_t* ids, int64_t rows, int64_t n, T* y,
                 int64_t ldy) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < n; ++j) y[i * ldy + j] = ids[i] < 0 ? T(0) : table[ids[i] * ld_table + j];
  }
}

template <class T>
void scatter_add_rows(const T* dy, int64_t ld_dy, const int32_t* ids, const int32_t* order, int64_t begin,
                      int64_t end, int64_t n, T* table, int64_t ld_table) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = order[i];
    if (ids[row] < 0) continue;
    for (int64_t j = 0; j < n; ++j) table[ids[row] * ld_table + j] += dy[row * ld_dy + j];
  }
}

}  // namespace maque::ref
