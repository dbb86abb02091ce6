// Packing of B into panels of 32 columns. See kernels/gemm.h.
#include "kernels/simd/declarations.h"

namespace maque::MAQUE_ISA {
namespace {

/// One panel of `width` <= 32 columns whose rows are contiguous (col_stride 1).
void pack_rows(const float* b, int64_t row_stride, int64_t k, int64_t width, float* panel) {
  const int64_t low = width < kLanes ? width : kLanes, high = width - low;
  for (int64_t p = 0; p < k; ++p, b += row_stride, panel += kPanel) {
    (low == kLanes ? F::load(b) : F::load(b, low)).store(panel);
    (high == kLanes ? F::load(b + kLanes)
     : high > 0     ? F::load(b + kLanes, high)
                    : F::zero())
        .store(panel + kLanes);
  }
}

/// 16 columns, `width` of them present, each contiguous along k (row_stride 1), by 16 x 16 transpositions.
void pack_columns(const float* b, int64_t col_stride, int64_t k, int64_t width, float* half_panel) {
  for_lanes(k, [&](int64_t p, int64_t rows) MAQUE_INLINE_LAMBDA {
    F block[kLanes];
    for (int64_t j = 0; j < kLanes; ++j) {
      const float* column = b + j * col_stride + p;
      block[j] = j >= width ? F::zero() : rows == kLanes ? F::load(column) : F::load(column, rows);
    }
    transpose(block);
    for (int64_t i = 0; i < rows; ++i) block[i].store(half_panel + (p + i) * kPanel);
  });
}

}  // namespace

void gemm_pack(const float* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n, float* packed) {
  for (int64_t j = 0; j < n; j += kPanel, packed += kPanel * k) {
    const float* first = b + j * col_stride;
    const int64_t width = n - j < kPanel ? n - j : kPanel;
    if (col_stride == 1) {
      pack_rows(first, row_stride, k, width, packed);
    } else if (row_stride == 1) {
      const int64_t low = width < kLanes ? width : kLanes;
      pack_columns(first, col_stride, k, low, packed);
      pack_columns(first + kLanes * col_stride, col_stride, k, width - low, packed + kLanes);
    } else {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t c = 0; c < kPanel; ++c) {
          packed[p * kPanel + c] = c < width ? first[p * row_stride + c * col_stride] : 0.0f;
        }
      }
    }
  }
}

}  // namespace maque::MAQUE_ISA
