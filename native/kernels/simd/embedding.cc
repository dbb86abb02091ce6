#include "kernels/embedding.h"

#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

void embedding_sum_forward(const float* word, const float* position, const float* type, const int32_t* ids,
                           const int32_t* positions, const int32_t* type_ids, int64_t rows, int64_t n,
                           float* y) {
  for (int64_t i = 0; i < rows; ++i, y += n) {
    const float* w = word + ids[i] * n;
    const float* p = position + positions[i] * n;
    const float* t = type + (type_ids != nullptr ? type_ids[i] : 0) * n;
    for_lanes(n, [&](int64_t j, int64_t r)
                     MAQUE_BODY { store((load(w + j, r) + load(p + j, r)) + load(t + j, r), y + j, r); });
  }
}

void gather_rows(const float* table, int64_t ld_table, const int32_t* ids, int64_t rows, int64_t n, float* y,
                 int64_t ldy) {
  for (int64_t i = 0; i < rows; ++i, y += ldy) {
    const size_t bytes = static_cast<size_t>(n) * sizeof(float);
    if (ids[i] < 0) {
      __builtin_memset(y, 0, bytes);
    } else {
      __builtin_memcpy(y, table + ids[i] * ld_table, bytes);
    }
  }
}

void scatter_add_rows(const float* dy, int64_t ld_dy, const int32_t* ids, const int32_t* order, int64_t begin,
                      int64_t end, int64_t n, float* table, int64_t ld_table) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = order[i];
    if (ids[row] < 0) continue;
    const float* d = dy + row * ld_dy;
    float* t = table + ids[row] * ld_table;
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY { store(load(t + j, r) + load(d + j, r), t + j, r); });
  }
}

}  // namespace maque::MAQUE_ISA
