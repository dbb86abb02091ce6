// Matrix product in bf16. See kernels/gemm_bf16.h for the contract, simd/gemm_driver.h for how it is cut.
#include "kernels/gemm_bf16.h"

#include "kernels/simd/bf16/declarations.h"
#include "kernels/simd/gemm_driver.h"
#include "kernels/simd/vec_bf16.h"

namespace maque::MAQUE_ISA {
namespace {

/// A word is a pair of elements.
struct Bf16Words {
  static constexpr int64_t kElements = 2;

  static MAQUE_INLINE F load(const float* p) { return bf16_words(F::load(p), F::load(p + kLanes)); }
  static MAQUE_INLINE F load(const float* p, int64_t n) {
    return n < kLanes ? bf16_words(F::load(p, n), F::zero())
                      : bf16_words(F::load(p), F::load(p + kLanes, n - kLanes));
  }
  static MAQUE_INLINE F dot(F a, F b, F c) { return bf16_dot(a, b, c); }

  template <int R>
  static void pack_columns(const float* a, int64_t k_stride, int64_t k, float* packed) {
    for (; k > 1; k -= 2, a += 2 * k_stride, packed += R) {
      bf16_pairs(F::load(a, R), F::load(a + k_stride, R)).store(packed, R);
    }
    if (k == 1) bf16_pairs(F::load(a, R), F::zero()).store(packed, R);
  }
};

/// One half of a panel, `width` <= 16 columns whose rows are contiguous (col_stride 1).
void pack_contiguous_rows(const float* b, int64_t row_stride, int64_t k, int64_t width, float* half) {
  for (int64_t p = 0; p < k; p += 2, b += 2 * row_stride, half += kPanel) {
    const bool odd = p + 1 < k;
    if (width == kLanes) {
      bf16_pairs(F::load(b), odd ? F::load(b + row_stride) : F::zero()).store(half);
    } else {
      bf16_pairs(F::load(b, width), odd ? F::load(b + row_stride, width) : F::zero()).store(half);
    }
  }
}

/// 16 columns, `width` of them present, each contiguous along k (row_stride 1), by 16 x 16 transpositions of
/// pairs.
void pack_contiguous_columns(const float* b, int64_t col_stride, int64_t k, int64_t width, float* half) {
  constexpr int64_t kStep = 2 * kLanes;
  for (int64_t p = 0; p < k; p += kStep) {
    F block[kLanes];
    for (int64_t j = 0; j < kLanes; ++j) {
      const float* column = b + j * col_stride + p;
      block[j] = j >= width       ? F::zero()
                 : k - p >= kStep ? Bf16Words::load(column)
                                  : Bf16Words::load(column, k - p);
    }
    transpose(block);
    const int64_t pairs = k - p >= kStep ? kLanes : (k - p + 1) / 2;
    for (int64_t i = 0; i < pairs; ++i) block[i].store(half + (p / 2 + i) * kPanel);
  }
}

/// Any strides.
void pack_scattered(const float* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t width,
                    float* half) {
  for (int64_t p = 0; p < k; p += 2, half += kPanel) {
    float even[kLanes] = {}, odd[kLanes] = {};
    for (int64_t j = 0; j < width; ++j) {
      const float* column = b + p * row_stride + j * col_stride;
      even[j] = column[0];
      odd[j] = p + 1 < k ? column[row_stride] : 0.0f;
    }
    bf16_pairs(F::load(even), F::load(odd)).store(half);
  }
}

}  // namespace

void gemm_bf16_pack(const float* b, int64_t row_stride, int64_t col_stride, int64_t k, int64_t n,
                    uint16_t* packed) {
  float* words = reinterpret_cast<float*>(packed);
  for (int64_t j = 0; j < (n + kPanel - 1) / kPanel * kPanel; j += kLanes) {
    const int64_t width = n - j < 0 ? 0 : n - j < kLanes ? n - j : kLanes;
    const float* first = b + j * col_stride;
    float* half = words + (j / kPanel * ((k + 1) / 2)) * kPanel + j % kPanel;
    if (col_stride == 1) {
      pack_contiguous_rows(first, row_stride, k, width, half);
    } else if (row_stride == 1) {
      pack_contiguous_columns(first, col_stride, k, width, half);
    } else {
      pack_scattered(first, row_stride, col_stride, k, width, half);
    }
  }
}

void gemm_bf16(const GemmArgs<float>& g, const uint16_t* b) {
  run_gemm<Bf16Words>(g, reinterpret_cast<const float*>(b));
}

}  // namespace maque::MAQUE_ISA
