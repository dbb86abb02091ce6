// What the steps of lstm_step.cc and bf16/lstm_bf16.cc have in common: the sums of all gates of a block of
// units stay in registers over the whole state. A single row is bound by reading the weights: its blocks'
// cells are worked out in between the parts of the next blocks' products.
//
// A product says by a class P, made from the step
//   Step                      the step's type
//   kInStep                   elements of the state in one step of the sum
//   kBetween                  whether the cells of a single row are worked out in between, or at once: where
//                             arithmetic binds there is nothing to gain
//   weights                   packed, 4 bytes for each place and step
//   add(at, row, p, sums)     sums[i] of R rows from `row` on += step p's products with the sixteen words at
//   `at` write(row, unit, h)       the new state of a block
#pragma once
#include "kernels/lstm_step.h"
#include "kernels/math.h"
#include "kernels/simd/vec.h"

namespace maque::MAQUE_ISA {
namespace {

constexpr int kGates = 4;

// The most rows whose sums of one block fit the registers, how many gates' sums are under way at once, and
// the blocks at once of a single row: enough independent sums to hide latency.
#if MAQUE_VECTORS == 8
constexpr int kMostRows = 3;
constexpr int gates_at_once(int rows) { return rows == 1 ? kGates : 2; }
constexpr int kLoneBlocks = 1;
#else
constexpr int kMostRows = 6;
constexpr int gates_at_once(int) { return kGates; }
constexpr int kLoneBlocks = 2;
#endif

/// The two gates of a pair.
MAQUE_INLINE F lower(I pair) { return floats(shift_left<16>(pair)); }
MAQUE_INLINE F upper(I pair) { return floats(pair & I::set1(static_cast<int32_t>(0xFFFF0000u))); }

/// The pre-activation x of gate n of one row and block.
MAQUE_INLINE F input_gate(const LstmStep<float>& s, int64_t row, int64_t block, int64_t n) {
  const int64_t place = (block * s.gates + n) * kLanes;
  if (s.table_bf16 != nullptr) {
    const I pair = I::load(s.table_bf16 + s.ids[row] * s.ld_table + place - n % 2 * kLanes);
    return n % 2 == 0 ? lower(pair) : upper(pair);
  }
  return F::load((s.table != nullptr ? s.table + s.ids[row] * s.ld_table : s.input + row * s.ld_input) +
                 place);
}

template <class P>
int64_t steps_of(const typename P::Step& s) {
  return (s.hidden + P::kInStep - 1) / P::kInStep;
}

/// The cell of one block of a row, in stages.
struct Cell {
  int64_t row, unit;
  F y[kGates], c;

  static constexpr int kStages = 3;

  template <class P>
  MAQUE_INLINE void stage(const P& product, const LstmStep<float>& s, int64_t i) {
    float* cells = s.cells + row * s.ld_cells + unit;
    if (i == 0) {
      c = math::sigmoid(y[0]) * math::tanh(y[2]);
    } else if (i == 1) {
      c = fma(math::sigmoid(y[1]), F::load(cells), c);
      c.store(cells);
    } else {
      product.write(row, unit, math::sigmoid(y[3]) * math::tanh(c));
    }
  }
};

/// Not inlined: one copy of the cell for tiles of all sizes.
template <class P>
__attribute__((noinline)) void step_block(const typename P::Step& s, int64_t row, int64_t unit, const F* y) {
  Cell cell{row, unit, {y[0], y[1], y[2], y[3]}, F::zero()};
#pragma GCC unroll 3
  for (int64_t i = 0; i < Cell::kStages; ++i) cell.stage(P(s), s, i);
}

/// R rows across a block.
template <class P, int R>
void step_tile(const typename P::Step& s, int64_t row, int64_t block) {
  constexpr int kAtOnce = gates_at_once(R);
  const P product(s);
  const int64_t steps = steps_of<P>(s);
  F y[R][kGates];
#pragma GCC unroll 2
  for (int g = 0; g < kGates; g += kAtOnce) {
    F sum[kAtOnce][R];
#pragma GCC unroll 4
    for (int n = 0; n < kAtOnce; ++n) {
#pragma GCC unroll 6
      for (int i = 0; i < R; ++i) sum[n][i] = input_gate(s, row + i, block, g + n);
    }
    const char* weights = product.weights + (block * steps * kGates + g) * kLanes * 4;
    for (int64_t p = 0; p < steps; ++p, weights += kGates * kLanes * 4) {
#pragma GCC unroll 4
      for (int n = 0; n < kAtOnce; ++n) product.add(weights + n * kLanes * 4, row, p, sum[n]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
      for (int n = 0; n < kAtOnce; ++n) y[i][g + n] = sum[n][i];
    }
  }
  for (int i = 0; i < R; ++i) step_block<P>(s, row + i, block * kLstmBlock, y[i]);
}

/// Cells of a single row whose sums are known.
struct Pending {
  Cell cells[kLoneBlocks];
  int64_t count;
};

template <class P>
MAQUE_INLINE void finish(const typename P::Step& s, Pending* pending) {
  for (int64_t i = 0; i < pending->count * Cell::kStages; ++i)
    pending->cells[i / Cell::kStages].stage(P(s), s, i % Cell::kStages);
  pending->count = 0;
}

/// The sums of W blocks of the only row, and in between the cells that are pending, for which these blocks'
/// then are.
template <class P, int W>
MAQUE_INLINE void lone_blocks(const typename P::Step& s, int64_t block, Pending* pending) {
  const P product(s);
  const int64_t steps = steps_of<P>(s), size = steps * kGates * kLanes * 4;
  const int64_t stages = pending->count * Cell::kStages, parts = stages == 0 ? 1 : stages;
  F sum[W * kGates][1];
#pragma GCC unroll 8
  for (int n = 0; n < W * kGates; ++n) sum[n][0] = input_gate(s, 0, block + n / kGates, n % kGates);
  const char* weights = product.weights + block * size;
  int64_t p = 0;
  for (int64_t part = 0; part < parts; ++part) {
    if (part < stages) pending->cells[part / Cell::kStages].stage(product, s, part % Cell::kStages);
    const int64_t end = part == parts - 1 ? steps : p + steps / parts;
    for (; p < end; ++p, weights += kGates * kLanes * 4) {
#pragma GCC unroll 8
      for (int n = 0; n < W * kGates; ++n)
        product.add(weights + n / kGates * size + n % kGates * kLanes * 4, 0, p, sum[n]);
    }
  }
  pending->count = W;
#pragma GCC unroll 2
  for (int w = 0; w < W; ++w) {
    Cell& cell = pending->cells[w];
    cell.row = 0, cell.unit = (block + w) * kLstmBlock;
#pragma GCC unroll 4
    for (int n = 0; n < kGates; ++n) cell.y[n] = sum[w * kGates + n][0];
  }
}

/// One row: its blocks some at a time.
template <class P>
void step_row(const typename P::Step& s, int64_t blocks) {
  const int64_t parts = (blocks + kLoneBlocks - 1) / kLoneBlocks;
  Pending pending;
  pending.count = 0;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t b = (s.backwards ? parts - 1 - i : i) * kLoneBlocks;
    if (b + kLoneBlocks <= blocks) {
      lone_blocks<P, kLoneBlocks>(s, b, &pending);
    } else {
      lone_blocks<P, 1>(s, b, &pending);
    }
    if constexpr (!P::kBetween) finish<P>(s, &pending);
  }
  finish<P>(s, &pending);
}

template <class P>
void step_rows(const typename P::Step& s, int64_t blocks) {
  using TileFunction = void (*)(const typename P::Step&, int64_t row, int64_t block);
#if MAQUE_VECTORS == 8
  constexpr TileFunction kTiles[] = {step_tile<P, 1>, step_tile<P, 2>, step_tile<P, 3>};
#else
  constexpr TileFunction kTiles[] = {step_tile<P, 1>, step_tile<P, 2>, step_tile<P, 3>,
                                     step_tile<P, 4>, step_tile<P, 5>, step_tile<P, 6>};
#endif
  static_assert(sizeof kTiles / sizeof kTiles[0] == kMostRows);
  const int64_t tiles = (s.rows + kMostRows - 1) / kMostRows;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t b = s.backwards ? blocks - 1 - i : i;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t row = t * s.rows / tiles, end = (t + 1) * s.rows / tiles;
      kTiles[end - row - 1](s, row, b);
    }
  }
}

/// From a zero state: no product, no forget gate.
template <class P>
void first_step(const typename P::Step& s, int64_t blocks) {
  const P product(s);
  for (int64_t row = 0; row < s.rows; ++row) {
    for (int64_t b = 0; b < blocks; ++b) {
      const F c = math::sigmoid(input_gate(s, row, b, 0)) * math::tanh(input_gate(s, row, b, s.gates - 2));
      c.store(s.cells + row * s.ld_cells + b * kLstmBlock);
      product.write(row, b * kLstmBlock, math::sigmoid(input_gate(s, row, b, s.gates - 1)) * math::tanh(c));
    }
  }
}

template <class P>
void step(const typename P::Step& s, bool first) {
  const int64_t blocks = lstm_whole(s.hidden) / kLstmBlock;
  if (first) {
    first_step<P>(s, blocks);
  } else if (s.rows == 1) {
    step_row<P>(s, blocks);
  } else {
    step_rows<P>(s, blocks);
  }
}

}  // namespace
}  // namespace maque::MAQUE_ISA
