// What the matrix products have in common: k is cut into blocks of up to kBlockK words, or is one block where
// it has no more than kWholeK (so that sums go to C once), rows of A into blocks whose words of such a block
// fill the scratch; one block of A is packed there (it stays in the L2 cache) and meets every panel of B, a
// panel's block of k (up to 128 KiB) every tile of rows. See kernels/gemm.h for the contract, gemm_tile.h for
// the inner kernels.
//
// Tiles would wait for a large B; so each asks for a part of the panels that the next columns need. Before a
// tile begins it asks for what its epilogue reads and writes; where there is none, for the C of the next
// tile.
//
// A word is 32 bits: one element of k in fp32, two in bf16. A product says by a class Words
//   kElements                    elements in a word
//   load(p), load(p, n)          sixteen words of contiguous elements, whole or the first n elements
//   pack_columns<R>(a, k_stride, k, packed)
//                                R neighbouring rows of a transposed A: word (i, q) at packed[q * R + i]
//   dot(a, b, c)                 c plus the product of two words
#pragma once
#include "kernels/math.h"
#include "kernels/simd/gemm_tile.h"
#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {
namespace {

constexpr int64_t kBlockK = 512, kWholeK = 2 * kBlockK;

using TileFunction = void (*)(const float*, const float*, int64_t, int64_t, const float*, int64_t, float*,
                              int64_t, const Along&);

/// The inner kernels for one number of rows.
struct RowKernels {
  TileFunction wide[2], narrow[2], last[2];  // by Layout; last: one vector, in which C may end
  int wide_vectors, narrow_vectors;
  void (*pack_columns)(const float* a, int64_t k_stride, int64_t k, float* packed);
};

template <class Words, int R>
constexpr RowKernels row_kernels() {
  constexpr int kWide = tile_vectors(R), kNarrow = kWide < kPanelVectors ? kWide : kPanelVectors;
  return {{tile<Words, R, kWide, Layout::kRows>, tile<Words, R, kWide, Layout::kColumns>},
          {tile<Words, R, kNarrow, Layout::kRows>, tile<Words, R, kNarrow, Layout::kColumns>},
          {tile<Words, R, 1, Layout::kRows>, tile<Words, R, 1, Layout::kColumns>},
          kWide,
          kNarrow,
          Words::template pack_columns<R>};
}

#if MAQUE_VECTORS == 8
template <class Words>
constexpr RowKernels kRowKernels[] = {row_kernels<Words, 1>(), row_kernels<Words, 2>(),
                                      row_kernels<Words, 3>(), row_kernels<Words, 4>(),
                                      row_kernels<Words, 5>(), row_kernels<Words, 6>()};
#else
template <class Words>
constexpr RowKernels kRowKernels[] = {
    row_kernels<Words, 1>(), row_kernels<Words, 2>(),  row_kernels<Words, 3>(),  row_kernels<Words, 4>(),
    row_kernels<Words, 5>(), row_kernels<Words, 6>(),  row_kernels<Words, 7>(),  row_kernels<Words, 8>(),
    row_kernels<Words, 9>(), row_kernels<Words, 10>(), row_kernels<Words, 11>(), row_kernels<Words, 12>()};
#endif

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

/// Packs rows [0, m) and k elements of A in tiles of rows (see gemm_tile.h); a tile of R rows takes R *
/// ceil16(words of k). The rows are asked for two ahead: where one begins the processor does not foresee.
template <class Words>
void pack_rows(const float* a, int64_t row_stride, int64_t k, const Parts& tiles, float* packed) {
  constexpr int64_t kElements = Words::kElements, kStep = kElements * kLanes;
  const int64_t whole = (k + kStep - 1) / kStep * kLanes;
  for (int64_t t = 0; t < tiles.count; ++t) {
    const int64_t rows = tiles.length(t);
    float* block = packed + tiles.begin(t) * whole;
    for (int64_t i = 0; i < rows; ++i) {
      const float* row = a + (tiles.begin(t) + i) * row_stride;
      int64_t p = 0;
      for (; p + kStep <= k; p += kStep) {
        for (int64_t e = 0; e < kElements; ++e)
          __builtin_prefetch(row + 2 * row_stride + p + e * kLanes, 0, 2);
        Words::load(row + p).store(block + p / kElements * rows + i * kLanes);
      }
      if (p < k) Words::load(row + p, k - p).store(block + p / kElements * rows + i * kLanes);
    }
  }
}

template <class Words>
void pack_columns(const float* a, int64_t k_stride, int64_t k, const Parts& tiles, float* packed) {
  constexpr int64_t kElements = Words::kElements, kStep = kElements * kLanes;
  const int64_t whole = (k + kStep - 1) / kStep * kLanes;
  // Some elements at a time: tiles share cache lines of A, which are still near when the next tile comes.
  // Lines of A lie too far apart for the processor to foresee them: each tile asks for its part of the next
  // ones.
  constexpr int64_t kSteps = 32;
  for (int64_t p = 0; p < k; p += kSteps) {
    const int64_t steps = k - p < kSteps ? k - p : kSteps;
    for (int64_t t = 0; t < tiles.count; ++t) {
      const int64_t rows = tiles.length(t), first = tiles.begin(t);
      const float* next = a + (p + kSteps) * k_stride + first;
      for (int64_t q = 0; q < min_of(kSteps, k - p - kSteps); ++q)
        __builtin_prefetch(next + q * k_stride, 0, 2);
      kRowKernels<Words>[rows - 1].pack_columns(a + p * k_stride + first, k_stride, steps,
                                                packed + first * whole + p / kElements * rows);
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

/// The part of GemmArgs::soon that is still to be asked for, how many lines of it in every 16 steps of a
/// tile, and how many such sixteens pass before: little is asked for at the end, so that it is still there.
struct Soon {
  const float *at, *end;
  int64_t lines, wait;

  /// The share of a tile of k words.
  Ahead take(int64_t k) {
    wait -= k / kLanes;
    if (at >= end || wait > 0) return {nullptr, 0};
    const Ahead share = {at, lines};
    at += k / kLanes * lines * kFloatsPerLine;
    return share;
  }
};

/// One block of k, ready to meet the panels; k is counted in words.
struct Block {
  const GemmArgs<float>& g;
  const float* b;  // packed, `words` along k
  int64_t words;
  Layout layout;
  const float* a;  // packed
  int64_t i0, rows, p0, k, whole_k;
  bool from_c;
  FinishFunction finish;  // null but in the last block of k
  bool in_registers;      // a whole tile does by itself what `finish` does
  Soon& soon;
};

void copy_tile(const float* from, int64_t ld_from, int64_t rows, int64_t n, float* to, int64_t ld_to) {
  for (int64_t i = 0; i < rows; ++i)
    __builtin_memcpy(to + i * ld_to, from + i * ld_from, static_cast<size_t>(n) * 4);
}

/// Asks for a tile that will be written or read. Inlined always: a compiler may take a call that does nothing
/// but this for one without effect, and drop it.
MAQUE_INLINE void ask_for(const float* p, int64_t ld, int64_t rows, int64_t n) {
  for (int64_t i = 0; i < rows; ++i, p += ld) {
    for (int64_t j = 0; j < n; j += kFloatsPerLine) __builtin_prefetch(p + j, 0, 3);
  }
}

/// Columns [j, j + width) of one tile of rows, fewer at the right edge of C. Sums go straight to C where the
/// tile is whole and nothing follows but what it adds in registers; otherwise they are computed aside, so
/// that what follows can still read what C holds.
void run_tile(const Block& block, TileFunction function, int64_t first, int64_t rows, int64_t j,
              int64_t width, const Ahead& ahead) {
  const GemmArgs<float>& g = block.g;
  const float* b = block.b + (j / kPanel * block.words + block.p0) * kPanel + j % kPanel;
  float* c = g.c + (block.i0 + first) * g.ldc + j;
  const float* residual =
      g.residual == nullptr ? nullptr : g.residual + (block.i0 + first) * g.ld_residual + j;
  const int64_t n = g.n - j < width ? g.n - j : width;
  alignas(64) float aside[kMaxRows * kPanel];
  if (block.finish != nullptr) {
    ask_for(c, g.ldc, rows, n);
    if (residual != nullptr) ask_for(residual, g.ld_residual, rows, n);
  }
  const float* from = block.from_c ? c : nullptr;
  int64_t ld_from = g.ldc;
  if (block.from_c && n < width) {
    copy_tile(c, g.ldc, rows, n, aside, width);
    from = aside, ld_from = width;
  }
  Along along = {ahead, block.soon.take(block.k), nullptr, nullptr, g.ld_residual};
  const bool in_registers = n == width && block.in_registers;
  if (in_registers) {
    along.bias = g.bias == nullptr ? nullptr : g.bias + j;
    along.residual = residual;
  }
  const bool direct = in_registers || (n == width && block.finish == nullptr);
  function(block.a + first * block.whole_k, b, block.words * kPanel, block.k, from, ld_from,
           direct ? c : aside, direct ? g.ldc : width, along);
  if (direct) return;
  if (block.finish != nullptr) {
    block.finish(g, block.i0 + first, j, rows, n, aside, width);
  } else {
    copy_tile(aside, width, rows, n, c, g.ldc);
  }
}

/// B comes from beyond the L2 cache from this size on. A product of few rows reads it as fast as it comes, in
/// the order that the processor foresees: there asking only gets in the way.
constexpr int64_t kFarFloats = 3 << 17, kFewRows = 6;

/// Tile t of `count` asks for its share of the panels that lie `width` columns to the right of its own.
Ahead ahead_of(const Block& block, int64_t t, int64_t count, int64_t j, int64_t width) {
  constexpr int64_t kLines = kLanes * kPanel / kFloatsPerLine;  // of a panel in 16 steps
  const int64_t lines = (kLines + count - 1) / count, next = (j + width) / kPanel * kPanel;
  const bool far = block.words * block.g.n >= kFarFloats && block.rows > kFewRows;
  if (!far || next >= block.g.n) return {nullptr, 0};
  const int64_t skipped = t * lines * (block.k / kLanes);
  return {block.b + (next / kPanel * block.words + block.p0) * kPanel + skipped * kFloatsPerLine, lines};
}

/// Where nothing follows the sums, tile t of columns [j, end) asks for the C of the tile after it, which may
/// begin with what stands there. Inlined as ask_for is.
MAQUE_INLINE void ask_for_next(const Block& block, const Parts& tiles, int64_t t, int64_t j, int64_t end,
                               int64_t width) {
  const bool below = t + 1 < tiles.count;
  const int64_t next = below ? t + 1 : 0, column = below ? j : end;
  const float* c = block.g.c + (block.i0 + tiles.begin(next)) * block.g.ldc + column;
  ask_for(c, block.g.ldc, tiles.length(next), min_of(width, block.g.n - column));
}

/// Tiles of all rows across columns [j, j + width).
template <class Words>
void run_columns(const Block& block, const Parts& tiles, int64_t j, int64_t width) {
  const int64_t end = block.g.n - j < width ? block.g.n : j + width;
  const int layout = static_cast<int>(block.layout);
  for (int64_t t = 0; t < tiles.count; ++t) {
    const RowKernels& kernels = kRowKernels<Words>[tiles.length(t) - 1];
    const int64_t wide = kernels.wide_vectors * kLanes, narrow = kernels.narrow_vectors * kLanes;
    if (block.finish == nullptr) ask_for_next(block, tiles, t, j, end, width);
    int64_t at = j;
    for (; at + wide <= end; at += wide) {
      run_tile(block, kernels.wide[layout], tiles.begin(t), tiles.length(t), at, wide,
               ahead_of(block, t, tiles.count, at, width));
    }
    // Only at the right edge of C, where no columns follow.
    for (; end - at > kLanes; at += narrow)
      run_tile(block, kernels.narrow[layout], tiles.begin(t), tiles.length(t), at, narrow, {});
    if (at < end) run_tile(block, kernels.last[layout], tiles.begin(t), tiles.length(t), at, kLanes, {});
  }
}

/// Columns that one sweep over the tiles of rows takes: those of the widest tile in use.
int64_t sweep_width(const Parts& tiles) {
  const int first = tile_vectors(static_cast<int>(tiles.length(0)));
  const int last = tile_vectors(static_cast<int>(tiles.length(tiles.count - 1)));
  return (first > last ? first : last) * kLanes;
}

/// For rows of `steps` times 16 steps of a tile.
Soon soon_of(const GemmArgs<float>& g, int64_t steps) {
  const int64_t all = g.soon_bytes / (kFloatsPerLine * static_cast<int64_t>(sizeof(float)));
  if (g.soon == nullptr || all == 0 || steps == 0) return {};
  const float* at = static_cast<const float*>(g.soon);
  const int64_t lines = (all + steps - 1) / steps;
  return {at, at + all * kFloatsPerLine, lines, steps - (all + lines - 1) / lines};
}

/// Rows [i0, i0 + m) of C, in blocks of at most block_k words.
template <class Words>
void run_rows(const GemmArgs<float>& g, const float* b, int64_t i0, int64_t m, int64_t block_k) {
  constexpr int64_t kElements = Words::kElements;
  const Parts tiles(m, kMaxRows);
  const Layout layout = g.a_k_stride == 1 ? Layout::kRows : Layout::kColumns;
  const int64_t width = sweep_width(tiles), words = (g.k + kElements - 1) / kElements;
  const Parts chunks((words + kLanes - 1) / kLanes, block_k / kLanes);
  const bool last_rows = i0 + m == g.m;
  Soon soon = last_rows ? soon_of(g, tiles.count * ((g.n + width - 1) / width) * (words / kLanes)) : Soon{};
  for (int64_t c = 0; c < chunks.count; ++c) {
    const int64_t p0 = chunks.begin(c) * kLanes, whole_k = chunks.length(c) * kLanes;
    const int64_t k = words - p0 < whole_k ? words - p0 : whole_k;
    const int64_t first = p0 * kElements, left = g.k - first;
    const int64_t elements = left < k * kElements ? left : k * kElements;
    const float* a = g.a + i0 * g.a_row_stride + first * g.a_k_stride;
    if (layout == Layout::kRows) {
      pack_rows<Words>(a, g.a_row_stride, elements, tiles, g.scratch);
    } else {
      pack_columns<Words>(a, g.a_k_stride, elements, tiles, g.scratch);
    }
    const FinishFunction finish = c == chunks.count - 1 ? finish_function(g) : nullptr;
    const bool in_registers =
        finish != nullptr && g.activation == Activation::none && g.pre_activation == nullptr;
    const Block block = {
        g,   b, words, layout, g.scratch, i0, m, p0, k, whole_k, g.accumulate || c > 0, finish, in_registers,
        soon};
    for (int64_t j = 0; j < g.n; j += width) run_columns<Words>(block, tiles, j, width);
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

/// C, with b packed by panels of words.
template <class Words>
void run_gemm(const GemmArgs<float>& g, const float* b) {
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) return run_empty(g);
  // C cannot keep partial sums while it also holds the residual: then k is one block, too, and fewer rows fit
  // the scratch.
  constexpr int64_t kStep = Words::kElements * kLanes;
  const int64_t whole_k = (g.k + kStep - 1) / kStep * kLanes;
  const bool one_block = whole_k <= kWholeK || g.residual == g.c;
  const int64_t block_k = one_block ? whole_k : kBlockK;
  const Parts blocks(g.m, kGemmScratch / (block_k < kBlockK ? kBlockK : block_k));
  for (int64_t i = 0; i < blocks.count; ++i) {
    run_rows<Words>(g, b, blocks.begin(i), blocks.length(i), block_k);
  }
}

}  // namespace
}  // namespace maque::MAQUE_ISA
