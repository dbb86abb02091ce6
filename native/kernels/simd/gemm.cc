// Matrix product. Rows of A are cut into blocks of up to kBlockRows, k into blocks of up to kBlockK; one such
// block of A is packed into the scratch (it stays in the L2 cache) and meets every panel of B, a panel's
// block of k (up to 64 KiB) every tile of rows. See kernels/gemm.h for the contract, gemm_tile.h for the
// inner kernels.
#include "kernels/math.h"
#include "kernels/simd/declarations.h"
#include "kernels/simd/gemm_tile.h"

namespace maque::MAQUE_ISA {
namespace {

constexpr int64_t kBlockK = 512, kBlockRows = kGemmScratch / kBlockK;

using TileFunction = void (*)(const float*, const float*, int64_t, int64_t, const float*, int64_t, float*,
                              int64_t);

/// The inner kernels for one number of rows.
struct RowKernels {
  TileFunction wide[2], narrow[2];  // by Layout
  int wide_vectors, narrow_vectors;
  void (*pack_columns)(const float* a, int64_t k_stride, int64_t k, float* packed);
};

/// R neighbouring rows of a transposed A.
template <int R>
void pack_tile_columns(const float* a, int64_t k_stride, int64_t k, float* packed) {
  for (int64_t p = 0; p < k; ++p) __builtin_memcpy(packed + p * R, a + p * k_stride, R * sizeof(float));
}

template <int R>
constexpr RowKernels row_kernels() {
  constexpr int kWide = tile_vectors(R), kNarrow = kWide < kPanelVectors ? kWide : kPanelVectors;
  return {{tile<R, kWide, Layout::kRows>, tile<R, kWide, Layout::kColumns>},
          {tile<R, kNarrow, Layout::kRows>, tile<R, kNarrow, Layout::kColumns>},
          kWide,
          kNarrow,
          pack_tile_columns<R>};
}

#if defined(MAQUE_ISA_AVX2)
constexpr RowKernels kRowKernels[] = {row_kernels<1>(), row_kernels<2>(), row_kernels<3>(),
                                      row_kernels<4>(), row_kernels<5>(), row_kernels<6>()};
#else
constexpr RowKernels kRowKernels[] = {row_kernels<1>(),  row_kernels<2>(),  row_kernels<3>(),
                                      row_kernels<4>(),  row_kernels<5>(),  row_kernels<6>(),
                                      row_kernels<7>(),  row_kernels<8>(),  row_kernels<9>(),
                                      row_kernels<10>(), row_kernels<11>(), row_kernels<12>()};
#endif
static_assert(sizeof kRowKernels / sizeof kRowKernels[0] == kMaxRows);

/// `total` cut into the fewest parts of at most `most`, as equal as can be: the first `longer` parts have one
/// more.
struct Parts {
  int64_t count, size, longer;
  Parts(int64_t total, int64_t most) : count((total + most - 1) / most) {
    size = total / count;
    longer = total % count;
  }
  int64_t begin(int64_t i) const { return i * size + (i < longer ? i : longer); }
  int64_t length(int64_t i) const { return size + (i < longer ? 1 : 0); }
};

/// Packs rows [0, m) and steps [0, k) of A in tiles of rows (see gemm_tile.h); a tile of R rows takes R *
/// ceil16(k).
void pack_rows(const float* a, int64_t row_stride, int64_t k, const Parts& tiles, float* packed) {
  const int64_t whole_k = (k + kLanes - 1) / kLanes * kLanes;
  for (int64_t t = 0; t < tiles.count; ++t) {
    const int64_t rows = tiles.length(t);
    float* block = packed + tiles.begin(t) * whole_k;
    for (int64_t i = 0; i < rows; ++i) {
      const float* row = a + (tiles.begin(t) + i) * row_stride;
      for_lanes(k, [&](int64_t p, int64_t r) MAQUE_INLINE_LAMBDA {
        (r == kLanes ? F::load(row + p) : F::load(row + p, r)).store(block + p * rows + i * kLanes);
      });
    }
  }
}

void pack_columns(const float* a, int64_t k_stride, int64_t k, const Parts& tiles, float* packed) {
  const int64_t whole_k = (k + kLanes - 1) / kLanes * kLanes;
  // Some steps at a time: tiles share cache lines of A, which are still near when the next tile comes.
  constexpr int64_t kSteps = 32;
  for (int64_t p = 0; p < k; p += kSteps) {
    const int64_t steps = k - p < kSteps ? k - p : kSteps;
    for (int64_t t = 0; t < tiles.count; ++t) {
      const int64_t rows = tiles.length(t), first = tiles.begin(t);
      kRowKernels[rows - 1].pack_columns(a + p * k_stride + first, k_stride, steps,
                                         packed + first * whole_k + p * rows);
    }
  }
}

/// What follows the sum, from a tile of sums to the [rows, n] elements of C at row i0, column j0.
template <Activation kActivation>
void finish(const GemmArgs<float>& g, int64_t i0, int64_t j0, int64_t rows, int64_t n, const float* sums,
            int64_t ld_sums) {
  for (int64_t i = 0; i < rows; ++i) {
    const float* sum = sums + i * ld_sums;
    float* c = g.c + (i0 + i) * g.ldc + j0;
    float* pre = g.pre_activation == nullptr ? nullptr : g.pre_activation + (i0 + i) * g.ld_pre + j0;
    const float* residual = g.residual == nullptr ? nullptr : g.residual + (i0 + i) * g.ld_residual + j0;
    for_lanes(n, [&](int64_t j, int64_t r) MAQUE_INLINE_LAMBDA {
      const auto read = [&](const float* p)
                            MAQUE_INLINE_LAMBDA { return r == kLanes ? F::load(p) : F::load(p, r); };
      const auto write = [&](F x, float* p) MAQUE_INLINE_LAMBDA { r == kLanes ? x.store(p) : x.store(p, r); };
      F x = F::load(sum + j);
      if (g.bias != nullptr) x = x + read(g.bias + j0 + j);
      if (pre != nullptr) write(x, pre + j);
      x = math::activate(kActivation, x);
      if (residual != nullptr) x = x + read(residual + j);
      write(x, c + j);
    });
  }
}

using FinishFunction = void (*)(const GemmArgs<float>&, int64_t, int64_t, int64_t, int64_t, const float*,
                                int64_t);

/// Null where nothing follows the sum.
FinishFunction finish_function(const GemmArgs<float>& g) {
  switch (g.activation) {
    case Activation::none:
      break;
    case Activation::relu:
      return finish<Activation::relu>;
    case Activation::tanh:
      return finish<Activation::tanh>;
    case Activation::gelu_erf:
      return finish<Activation::gelu_erf>;
    case Activation::gelu_tanh:
      return finish<Activation::gelu_tanh>;
  }
  const bool anything = g.bias != nullptr || g.pre_activation != nullptr || g.residual != nullptr;
  return anything ? finish<Activation::none> : nullptr;
}

/// One block of k, ready to meet the panels.
struct Block {
  const GemmArgs<float>& g;
  Layout layout;
  const float* a;  // packed
  int64_t i0, p0, k, whole_k;
  bool from_c;
  FinishFunction finish;  // null but in the last block of k
};

void copy_tile(const float* from, int64_t ld_from, int64_t rows, int64_t n, float* to, int64_t ld_to) {
  for (int64_t i = 0; i < rows; ++i)
    __builtin_memcpy(to + i * ld_to, from + i * ld_from, static_cast<size_t>(n) * 4);
}

/// Columns [j, j + width) of one tile of rows, fewer at the right edge of C. Sums go straight to C where
/// nothing follows and the tile is whole; otherwise they are computed aside, so that what follows can still
/// read what C holds.
void run_tile(const Block& block, TileFunction function, int64_t first, int64_t rows, int64_t j,
              int64_t width) {
  const GemmArgs<float>& g = block.g;
  const float* b = g.b + (j / kPanel * g.k + block.p0) * kPanel + j % kPanel;
  float* c = g.c + (block.i0 + first) * g.ldc + j;
  const int64_t n = g.n - j < width ? g.n - j : width;
  alignas(64) float aside[kMaxRows * kPanel];
  const bool direct = n == width && block.finish == nullptr;
  const float* from = block.from_c ? c : nullptr;
  int64_t ld_from = g.ldc;
  if (block.from_c && n < width) {
    copy_tile(c, g.ldc, rows, n, aside, width);
    from = aside, ld_from = width;
  }
  function(block.a + first * block.whole_k, b, g.k * kPanel, block.k, from, ld_from, direct ? c : aside,
           direct ? g.ldc : width);
  if (block.finish != nullptr) {
    block.finish(g, block.i0 + first, j, rows, n, aside, width);
  } else if (!direct) {
    copy_tile(aside, width, rows, n, c, g.ldc);
  }
}

/// Tiles of all rows across columns [j, j + width).
void run_columns(const Block& block, const Parts& tiles, int64_t j, int64_t width) {
  const int64_t end = block.g.n - j < width ? block.g.n : j + width;
  const int layout = static_cast<int>(block.layout);
  for (int64_t t = 0; t < tiles.count; ++t) {
    const RowKernels& kernels = kRowKernels[tiles.length(t) - 1];
    const int64_t wide = kernels.wide_vectors * kLanes, narrow = kernels.narrow_vectors * kLanes;
    int64_t at = j;
    for (; at + wide <= end; at += wide) {
      run_tile(block, kernels.wide[layout], tiles.begin(t), tiles.length(t), at, wide);
    }
    for (; at < end; at += narrow) {
      run_tile(block, kernels.narrow[layout], tiles.begin(t), tiles.length(t), at, narrow);
    }
  }
}

/// Columns that one sweep over the tiles of rows takes: those of the widest tile in use.
int64_t sweep_width(const Parts& tiles) {
  const int first = kRowKernels[tiles.length(0) - 1].wide_vectors;
  const int last = kRowKernels[tiles.length(tiles.count - 1) - 1].wide_vectors;
  return (first > last ? first : last) * kLanes;
}

/// Rows [i0, i0 + m) of C, in blocks of at most block_k steps.
void run_rows(const GemmArgs<float>& g, int64_t i0, int64_t m, int64_t block_k) {
  const Parts tiles(m, kMaxRows);
  const Layout layout = g.a_k_stride == 1 ? Layout::kRows : Layout::kColumns;
  const int64_t width = sweep_width(tiles);
  const Parts chunks((g.k + kLanes - 1) / kLanes, block_k / kLanes);
  for (int64_t c = 0; c < chunks.count; ++c) {
    const int64_t p0 = chunks.begin(c) * kLanes, whole_k = chunks.length(c) * kLanes;
    const int64_t k = g.k - p0 < whole_k ? g.k - p0 : whole_k;
    const float* a = g.a + i0 * g.a_row_stride + p0 * g.a_k_stride;
    if (layout == Layout::kRows) {
      pack_rows(a, g.a_row_stride, k, tiles, g.scratch);
    } else {
      pack_columns(a, g.a_k_stride, k, tiles, g.scratch);
    }
    const bool last = c == chunks.count - 1;
    const Block block = {
        g, layout, g.scratch, i0, p0, k, whole_k, g.accumulate || c > 0, last ? finish_function(g) : nullptr};
    for (int64_t j = 0; j < g.n; j += width) run_columns(block, tiles, j, width);
  }
}

/// k = 0: empty sums.
void run_empty(const GemmArgs<float>& g) {
  const FinishFunction finish_tile =
      finish_function(g) == nullptr ? finish<Activation::none> : finish_function(g);
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; j += kPanel) {
      alignas(64) float sums[kPanel] = {};
      const int64_t n = g.n - j < kPanel ? g.n - j : kPanel;
      if (g.accumulate) copy_tile(g.c + i * g.ldc + j, g.ldc, 1, n, sums, kPanel);
      finish_tile(g, i, j, 1, n, sums, kPanel);
    }
  }
}

}  // namespace

void gemm(const GemmArgs<float>& g) {
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) return run_empty(g);
  // C cannot keep partial sums while it also holds the residual: then k is one block, and fewer rows fit the
  // scratch.
  const int64_t whole_k = (g.k + kLanes - 1) / kLanes * kLanes;
  const bool in_place = g.residual == g.c && whole_k > kBlockK;
  const Parts blocks(g.m, in_place ? kGemmScratch / whole_k : kBlockRows);
  for (int64_t i = 0; i < blocks.count; ++i) {
    run_rows(g, blocks.begin(i), blocks.length(i), in_place ? whole_k : kBlockK);
  }
}

}  // namespace maque::MAQUE_ISA
