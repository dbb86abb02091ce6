// The inner kernels of gemm: a tile of C, R rows by W vectors of 16 columns, kept in registers over a block
// of k.
//
// Packed rows of A, a block of R rows, k counted in words (see gemm_driver.h):
//   kRows     (row-major A)  word (i, p) at [p / 16][i][p % 16]: whole lines are copied, and R lines serve 16
//             steps
//   kColumns  (transposed A) word (i, p) at [p][i]
#pragma once
#include "kernels/gemm.h"
#include "kernels/simd/vec.h"

namespace maque::MAQUE_ISA {
namespace {

enum class Layout { kRows, kColumns };

// The tallest tile that the registers hold.
#if MAQUE_VECTORS == 8
constexpr int kMaxRows = 6;
#else
constexpr int kMaxRows = 12;
#endif
constexpr int kPanelVectors = static_cast<int>(kPanel / kLanes);

/// Do the sums of a tile, one row of B and one broadcast element of A fit the registers? (A single row of
/// sums takes B straight from memory.)
constexpr bool tile_fits(int rows, int vectors) {
  return rows * vectors + (rows == 1 ? 0 : vectors) + 1 <= MAQUE_VECTORS;
}

/// Vectors across the widest tile of `rows` rows: low tiles are wide, so that enough independent sums are
/// under way to hide the latency of fma, and several panels of B stream at once.
constexpr int tile_vectors(int rows) {
  int vectors = 8;
  while (!tile_fits(rows, vectors)) vectors /= 2;
  return vectors;
}

constexpr int64_t kFloatsPerLine = 16;

/// What a tile asks for ahead of time, for the tiles of the next columns: `lines` cache lines of each panel
/// that it is wide, in every 16 steps of k.
struct Ahead {
  const float* b;
  int64_t lines;
};

/// What goes along with a tile: what it asks for (`soon` is one stream of memory), and what is added to its
/// finished sums before they leave the registers, the bias of its columns first (null: nothing).
struct Along {
  Ahead ahead, soon;
  const float *bias, *residual;
  int64_t ld_residual;
};

/// One tile. `b` is the first panel's block of k, further panels lie `panel_stride` apart. Sums start at
/// `from`, or at 0 where that is null, and go to `to`; both have R rows of W * 16 whole columns and may be
/// the same, and `to` may be the residual.
template <class Words, int R, int W, Layout L>
void tile(const float* a, const float* b, int64_t panel_stride, int64_t k, const float* from, int64_t ld_from,
          float* to, int64_t ld_to, const Along& along) {
  F sum[R][W];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int w = 0; w < W; ++w)
      sum[i][w] = from != nullptr ? F::load(from + i * ld_from + w * kLanes) : F::zero();
  }
  Ahead ahead = along.ahead, soon = along.soon;
  constexpr int kRowStep = L == Layout::kRows ? static_cast<int>(kLanes) : 1;
  const auto step = [&](const float* a_p) MAQUE_INLINE_LAMBDA {
    F row[W];
#pragma GCC unroll 16
    for (int w = 0; w < W; ++w) {
      row[w] = F::load(b + w / kPanelVectors * panel_stride + w % kPanelVectors * kLanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const F x = F::set1(a_p[i * kRowStep]);
#pragma GCC unroll 16
      for (int w = 0; w < W; ++w) sum[i][w] = Words::dot(x, row[w], sum[i][w]);
    }
    b += kPanel;
  };
  if constexpr (L == Layout::kRows) {
    for (; k >= kLanes; k -= kLanes, a += R * kLanes) {
      for (int64_t line = 0; line < ahead.lines; ++line, ahead.b += kFloatsPerLine) {
#pragma GCC unroll 4
        for (int w = 0; w < W; w += kPanelVectors) {
          __builtin_prefetch(ahead.b + w / kPanelVectors * panel_stride, 0, 2);
        }
      }
      for (int64_t line = 0; line < soon.lines; ++line, soon.b += kFloatsPerLine) {
        __builtin_prefetch(soon.b, 0, 1);
      }
#pragma GCC unroll 4
      for (int p = 0; p < kLanes; ++p) step(a + p);
    }
    for (int64_t p = 0; p < k; ++p) step(a + p);
  } else {
#pragma GCC unroll 4
    for (int64_t p = 0; p < k; ++p, a += R) step(a);
  }
  if (along.bias != nullptr) {
#pragma GCC unroll 16
    for (int w = 0; w < W; ++w) {
      const F bias = F::load(along.bias + w * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) sum[i][w] = sum[i][w] + bias;
    }
  }
  if (along.residual != nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
      for (int w = 0; w < W; ++w) {
        sum[i][w] = sum[i][w] + F::load(along.residual + i * along.ld_residual + w * kLanes);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int w = 0; w < W; ++w) sum[i][w].store(to + i * ld_to + w * kLanes);
  }
}

}  // namespace
}  // namespace maque::MAQUE_ISA
