// Product of 8-bit integers. A tile of sums, R rows by W vectors of 16 columns, stays in registers over all
// of k: a step takes four bytes of each row of A, broadcast, and four rows of B. Rows of A are read where
// they lie; they are cut into blocks that stay in the L2 cache while the panels of B pass, and a panel stays
// near while the tiles of a block pass. See kernels/gemm_int8.h for the contract.
#include "kernels/math.h"
#include "kernels/simd/declarations_int8.h"

namespace maque::MAQUE_ISA {
namespace {

// The tallest tile, and how many vectors its sums may take.
#if MAQUE_VECTORS == 8
constexpr int kMaxRows = 5, kSums = 6;
#else
constexpr int kMaxRows = 12, kSums = 24;
#endif
constexpr int kPanelVectors = static_cast<int>(kInt8Panel / kLanes);
constexpr int64_t kGroupBytes = 128 << 10;
constexpr int64_t kStepBytes = kInt8Panel * kInt8Step;

/// Vectors across the widest tile of `rows` rows: low tiles are wide, so that enough independent sums are
/// under way and several panels of B stream at once.
constexpr int tile_vectors(int rows) {
  int vectors = 8;
  while (vectors * rows > kSums) vectors /= 2;
  return vectors;
}

/// What a tile asks for beside its work: `lines` cache lines from `b` on in every kAheadSteps steps.
struct Ahead {
  const int8_t* b;
  int64_t lines;
};
constexpr int64_t kAheadSteps = 16, kLineBytes = 64;

using TileFunction = void (*)(const uint8_t* a, int64_t lda, const int8_t* b, int64_t panel_bytes,
                              int64_t steps, int32_t* sums, Ahead ahead);

/// One tile: sums [R, W * 16]. `b` is the first panel, further ones lie panel_bytes apart.
template <int R, int W>
void tile(const uint8_t* a, int64_t lda, const int8_t* b, int64_t panel_bytes, int64_t steps, int32_t* sums,
          Ahead ahead) {
  I sum[R][W];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int w = 0; w < W; ++w) sum[i][w] = I::set1(0);
  }
  const auto step = [&]() MAQUE_INLINE_LAMBDA {
    I row[W];
#pragma GCC unroll 16
    for (int w = 0; w < W; ++w)
      row[w] = I::load(b + w / kPanelVectors * panel_bytes + w % kPanelVectors * 64);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const I x = broadcast4(a + i * lda);
#pragma GCC unroll 16
      for (int w = 0; w < W; ++w) sum[i][w] = dot4(sum[i][w], x, row[w]);
    }
    a += kInt8Step, b += kStepBytes;
  };
  for (; steps >= kAheadSteps; steps -= kAheadSteps) {
    for (int64_t line = 0; line < ahead.lines; ++line, ahead.b += kLineBytes) {
      __builtin_prefetch(ahead.b, 0, 2);
    }
    for (int64_t s = 0; s < kAheadSteps; ++s) step();
  }
  for (; steps > 0; --steps) step();
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int w = 0; w < W; ++w) sum[i][w].store(sums + (i * W + w) * kLanes);
  }
}

/// The inner kernels for one number of rows.
struct RowKernels {
  TileFunction wide, narrow;
  int64_t wide_columns, narrow_columns;
};

template <int R>
constexpr RowKernels row_kernels() {
  constexpr int kWide = tile_vectors(R), kNarrow = kWide < kPanelVectors ? kWide : kPanelVectors;
  return {tile<R, kWide>, tile<R, kNarrow>, kWide * kLanes, kNarrow * kLanes};
}

#if MAQUE_VECTORS == 8
constexpr RowKernels kRowKernels[] = {row_kernels<1>(), row_kernels<2>(), row_kernels<3>(), row_kernels<4>(),
                                      row_kernels<5>()};
#else
constexpr RowKernels kRowKernels[] = {row_kernels<1>(),  row_kernels<2>(),  row_kernels<3>(),
                                      row_kernels<4>(),  row_kernels<5>(),  row_kernels<6>(),
                                      row_kernels<7>(),  row_kernels<8>(),  row_kernels<9>(),
                                      row_kernels<10>(), row_kernels<11>(), row_kernels<12>()};
#endif
static_assert(sizeof kRowKernels / sizeof kRowKernels[0] == kMaxRows);

/// What follows the sums, for the [rows, n] elements of C at row i0, column j0.
template <Activation kActivation, bool kResidual>
void finish(const GemmInt8Args& args, int64_t i0, int64_t j0, int64_t rows, int64_t n, const int32_t* sums,
            int64_t ld_sums) {
  // Copies: for all that the compiler knows, the stores below are to what a pointer leads to.
  const float* bias = args.bias;
  const int64_t scale_stride = args.a_scale_stride, ldc = args.ldc, ld_residual = args.ld_residual;
  const bool own_zeros = args.a_zero != nullptr;
  static constexpr int32_t kOne = 1;
  const int32_t* first_zero = own_zeros ? args.a_zero + i0 : &kOne;
  const float* first_scale = args.a_scale + i0 * scale_stride;
  for_lanes(n, [&](int64_t at, int64_t r) MAQUE_INLINE_LAMBDA {
    const int64_t j = j0 + at;
    const auto read = [r](const float* p)
                          MAQUE_INLINE_LAMBDA { return r == kLanes ? F::load(p) : F::load(p, r); };
    const I offset = r == kLanes ? I::load(args.offsets + j) : I::load(args.offsets + j, r);
    static_assert(kZeroPoint8 == 128, "the shift below divides by it");
    // The sum of each column's weights, or the whole that is taken from a sum.
    const I weights = own_zeros ? shift_right_signed<7>(offset) : offset;
    const F w_scale = read(args.w_scale + j), b = bias == nullptr ? F::zero() : read(bias + j);
    const int32_t *sum = sums + at, *zero = first_zero;
    const float* a_scale = first_scale;
    const float* residual = kResidual ? args.residual + i0 * ld_residual + j : nullptr;
    float* c = args.c + i0 * ldc + j;
    for (int64_t i = 0; i < rows; ++i) {
      F y = to_float(I::load(sum) - weights * I::set1(*zero)) * (w_scale * F::set1(*a_scale));
      if (bias != nullptr) y = y + b;
      y = math::activate(kActivation, y);
      if constexpr (kResidual) {
        y = y + read(residual);
        residual += ld_residual;
      }
      r == kLanes ? y.store(c) : y.store(c, r);
      sum += ld_sums, zero += own_zeros, a_scale += scale_stride, c += ldc;
    }
  });
}

using FinishFunction = void (*)(const GemmInt8Args&, int64_t, int64_t, int64_t, int64_t, const int32_t*,
                                int64_t);

template <bool kResidual>
FinishFunction finish_function(Activation activation) {
  switch (activation) {
    case Activation::none:
      break;
    case Activation::relu:
      return finish<Activation::relu, kResidual>;
    case Activation::tanh:
      return finish<Activation::tanh, kResidual>;
    case Activation::gelu_erf:
      return finish<Activation::gelu_erf, kResidual>;
    case Activation::gelu_tanh:
      return finish<Activation::gelu_tanh, kResidual>;
  }
  return finish<Activation::none, kResidual>;
}

/// Rows of one block of A: about half of an L2 cache of 512 KiB.
int64_t block_rows(int64_t lda) {
  const int64_t rows = (256 << 10) / lda / kMaxRows * kMaxRows;
  return rows < kMaxRows ? kMaxRows : rows;
}

/// Columns that one sweep over the tiles of rows takes: so many that rows of C are written in long pieces, so
/// few that their weights stay in the L2 cache beside the block of A.
int64_t group_columns(int64_t k, int64_t widest) {
  const int64_t columns = kGroupBytes / int8_whole_k(k) / widest * widest;
  return columns < widest ? widest : columns;
}

/// A block of rows, [i0, i0 + m).
struct Block {
  const GemmInt8Args& g;
  FinishFunction finish;
  int64_t i0, m, tiles;

  int64_t begin(int64_t tile) const { return tile * m / tiles; }
};

/// The panels of the next group of columns, [at, end), of which the tiles of this one ask for a share each.
struct NextPanels {
  const int8_t *at, *end;
  int64_t lines;  // in kAheadSteps steps of a tile

  Ahead take(int64_t steps) {
    if (at >= end) return {nullptr, 0};
    const Ahead share = {at, lines};
    at += steps / kAheadSteps * lines * kLineBytes;
    return share;
  }
};

/// Rows [begin, end) of the block across columns [j, end_j).
void run_tile(const Block& block, int64_t begin, int64_t end, int64_t j, int64_t end_j, NextPanels* next) {
  const GemmInt8Args& g = block.g;
  const int64_t rows = end - begin, i = block.i0 + begin, steps = int8_whole_k(g.k) / kInt8Step;
  const RowKernels& kernels = kRowKernels[rows - 1];
  const int64_t panel_bytes = steps * kStepBytes;
  alignas(64) int32_t sums[kSums * kLanes];
  while (j < end_j) {
    const bool wide = j + kernels.wide_columns <= end_j;
    const int64_t width = wide ? kernels.wide_columns : kernels.narrow_columns;
    const int8_t* b = g.b + j / kInt8Panel * panel_bytes + j % kInt8Panel * kInt8Step;
    const int64_t n = end_j - j < width ? end_j - j : width;
    (wide ? kernels.wide : kernels.narrow)(g.a + i * g.lda, g.lda, b, panel_bytes, steps, sums,
                                           next->take(steps));
    block.finish(g, i, j, rows, n, sums, width);
    j += width;
  }
}

/// Those of columns [j, j + width). Few rows read B as fast as it comes: there asking only gets in the way.
NextPanels next_panels(const Block& block, int64_t j, int64_t width) {
  const GemmInt8Args& g = block.g;
  const int64_t steps = int8_whole_k(g.k) / kInt8Step, panel_bytes = steps * kStepBytes;
  if (block.tiles < 2 || j >= g.n || steps < kAheadSteps) return {nullptr, nullptr, 0};
  const int64_t panels = ((g.n - j < width ? g.n - j : width) + kInt8Panel - 1) / kInt8Panel;
  const int64_t asking =
      width / kRowKernels[block.m / block.tiles - 1].wide_columns * block.tiles * (steps / kAheadSteps);
  const int8_t* begin = g.b + j / kInt8Panel * panel_bytes;
  return {begin, begin + panels * panel_bytes, (panels * panel_bytes / kLineBytes + asking - 1) / asking};
}

void run_block(const Block& block) {
  const GemmInt8Args& g = block.g;
  const int64_t lowest = block.m / block.tiles,
                width = group_columns(g.k, kRowKernels[lowest - 1].wide_columns);
  for (int64_t j = 0; j < g.n; j += width) {
    const int64_t end = g.n - j < width ? g.n : j + width;
    NextPanels next = next_panels(block, end, width);
    for (int64_t t = 0; t < block.tiles; ++t) {
      run_tile(block, block.begin(t), block.begin(t + 1), j, end, &next);
    }
  }
}

}  // namespace

void gemm_int8(const GemmInt8Args& g) {
  const FinishFunction finish_tile =
      g.residual == nullptr ? finish_function<false>(g.activation) : finish_function<true>(g.activation);
  const int64_t most = block_rows(g.lda);
  for (int64_t i = 0; i < g.m; i += most) {
    const int64_t m = g.m - i < most ? g.m - i : most;
    run_block({g, finish_tile, i, m, (m + kMaxRows - 1) / kMaxRows});
  }
}

}  // namespace maque::MAQUE_ISA
