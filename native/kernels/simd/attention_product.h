// Small products for attention: C = scale * A B with B's rows contiguous, every element one fma chain over k
// from 0.
#pragma once
#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

/// Rows of A and blocks of 16 columns of B that one tile holds in registers.
constexpr int kTileRows = 6;
#if MAQUE_VECTORS == 8
constexpr int kTileBlocks = 1;
#else
constexpr int kTileBlocks = 4;
#endif

/// Element (i, p) of A is at a[i * a_row + p * a_k], (p, j) of B at b[p * ldb + j], (i, j) of C at c[i * ldc
/// + j].
struct Product {
  const float* a;
  int64_t a_row, a_k;
  const float* b;
  int64_t ldb;
  int64_t m, n, k;
  float scale;
  float* c;
  int64_t ldc;
};

/// Rows i .. i + kRows - 1, columns j .. j + 16 * kBlocks - 1, of which the last block has r.
template <int kRows, int kBlocks>
MAQUE_INLINE void product_tile(const Product& x, int64_t i, int64_t j, int64_t r) {
  const float* a = x.a + i * x.a_row;
  const float* b = x.b + j;
  F sums[kRows][kBlocks];
  for (int row = 0; row < kRows; ++row) {
    for (int block = 0; block < kBlocks; ++block) sums[row][block] = F::zero();
  }
  const auto lanes = [r](int block) MAQUE_BODY { return block + 1 < kBlocks ? kLanes : r; };
  for (int64_t p = 0; p < x.k; ++p, a += x.a_k, b += x.ldb) {
    F right[kBlocks];
    for (int block = 0; block < kBlocks; ++block) right[block] = load(b + block * kLanes, lanes(block));
    for (int row = 0; row < kRows; ++row) {
      const F left = F::set1(a[row * x.a_row]);
      for (int block = 0; block < kBlocks; ++block)
        sums[row][block] = fma(left, right[block], sums[row][block]);
    }
  }
  const F scale = F::set1(x.scale);
  for (int row = 0; row < kRows; ++row) {
    float* c = x.c + (i + row) * x.ldc + j;
    for (int block = 0; block < kBlocks; ++block)
      store(sums[row][block] * scale, c + block * kLanes, lanes(block));
  }
}

/// All rows of a band of columns.
template <int kBlocks>
inline void product_band(const Product& x, int64_t j, int64_t r) {
  int64_t i = 0;
  for (; i + kTileRows <= x.m; i += kTileRows) product_tile<kTileRows, kBlocks>(x, i, j, r);
  switch (x.m - i) {
    case 5:
      return product_tile<5, kBlocks>(x, i, j, r);
    case 4:
      return product_tile<4, kBlocks>(x, i, j, r);
    case 3:
      return product_tile<3, kBlocks>(x, i, j, r);
    case 2:
      return product_tile<2, kBlocks>(x, i, j, r);
    case 1:
      return product_tile<1, kBlocks>(x, i, j, r);
    default:
      return;
  }
}

inline void product(const Product& x) {
  int64_t j = 0;
  for (; j + kTileBlocks * kLanes <= x.n; j += kTileBlocks * kLanes) product_band<kTileBlocks>(x, j, kLanes);
  if (j == x.n) return;
  // What is left is one band too, of which the last block may be in part.
  const int64_t blocks = (x.n - j + kLanes - 1) / kLanes, r = x.n - j - (blocks - 1) * kLanes;
  if (kTileBlocks > 3 && blocks == 4) return product_band<4>(x, j, r);
  if (kTileBlocks > 2 && blocks == 3) return product_band<3>(x, j, r);
  if (kTileBlocks > 1 && blocks == 2) return product_band<2>(x, j, r);
  product_band<1>(x, j, r);
}

}  // namespace maque::MAQUE_ISA
