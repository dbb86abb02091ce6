// One fused step of an LSTM. The sums of all gates of a block of units stay in registers over the whole
// state. See kernels/lstm_step.h for the contract, lstm_int8.cc for the same in integers.
#include "kernels/lstm_step.h"

#include "kernels/math.h"
#include "kernels/simd/declarations.h"

namespace maque::MAQUE_ISA {
namespace {

constexpr int kGates = 4;

// The most rows whose sums of one block fit the registers, and how many gates' sums are under way at once.
#if MAQUE_VECTORS == 8
constexpr int kMostRows = 3;
constexpr int gates_at_once(int rows) { return rows == 1 ? kGates : 2; }
constexpr int kLoneBlocks = 1;
#else
constexpr int kMostRows = 6;
constexpr int gates_at_once(int) { return kGates; }
constexpr int kLoneBlocks = 2;  // blocks at once for a single row: enough independent sums to hide latency
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

/// y[i][w][n]: row i, block first + w, gate n.
template <int R, int W, bool kBf16>
MAQUE_INLINE void gate_sums(const LstmStep<float>& s, int64_t row, int64_t first, F (&y)[R][W][kGates]) {
  constexpr int kAtOnce = gates_at_once(R), kInStep = kBf16 ? 2 : 1;
  const int64_t steps = (s.hidden + kInStep - 1) / kInStep, block = steps * kGates * kLanes;
#pragma GCC unroll 2
  for (int g = 0; g < kGates; g += kAtOnce) {
    F sum[R][W][kAtOnce];
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) {
#pragma GCC unroll 4
        for (int n = 0; n < kAtOnce; ++n) sum[i][w][n] = input_gate(s, row + i, first + w, g + n);
      }
    }
    const float* state = s.state + row * s.ld_state;
    const char* weights =
        kBf16 ? reinterpret_cast<const char*>(s.weights_bf16) : reinterpret_cast<const char*>(s.weights);
    weights += (first * block + g * kLanes) * 4;
    for (int64_t p = 0; p < steps; ++p, state += kInStep, weights += kGates * kLanes * 4) {
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) {
#pragma GCC unroll 4
        for (int n = 0; n < kAtOnce; ++n) {
          const char* at = weights + (w * block + n * kLanes) * 4;
          if constexpr (kBf16) {
            const I pair = I::load(at);
            const F even = lower(pair), odd = upper(pair);
#pragma GCC unroll 6
            for (int i = 0; i < R; ++i) {
              const float* x = state + i * s.ld_state;
              sum[i][w][n] = fma(F::set1(x[1]), odd, fma(F::set1(x[0]), even, sum[i][w][n]));
            }
          } else {
            const F weight = F::load(reinterpret_cast<const float*>(at));
#pragma GCC unroll 6
            for (int i = 0; i < R; ++i)
              sum[i][w][n] = fma(F::set1(state[i * s.ld_state]), weight, sum[i][w][n]);
          }
        }
      }
    }
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) {
#pragma GCC unroll 4
        for (int n = 0; n < kAtOnce; ++n) y[i][w][g + n] = sum[i][w][n];
      }
    }
  }
}

MAQUE_INLINE void write_block(const LstmStep<float>& s, int64_t row, int64_t unit, F y_o, F c) {
  c.store(s.cells + row * s.ld_cells + unit);
  (math::sigmoid(y_o) * math::tanh(c)).store(s.next + row * s.ld_next + unit);
}

/// Not inlined: one copy of the cell for tiles of all sizes.
__attribute__((noinline)) void step_block(const LstmStep<float>& s, int64_t row, int64_t unit, const F* y) {
  const F input = math::sigmoid(y[0]) * math::tanh(y[2]);
  write_block(s, row, unit, y[3],
              fma(math::sigmoid(y[1]), F::load(s.cells + row * s.ld_cells + unit), input));
}

/// R rows across W blocks.
template <int R, int W, bool kBf16>
void step_tile(const LstmStep<float>& s, int64_t row, int64_t block) {
  F y[R][W][kGates];
  gate_sums<R, W, kBf16>(s, row, block, y);
  for (int i = 0; i < R; ++i) {
    for (int w = 0; w < W; ++w) step_block(s, row + i, (block + w) * kLstmBlock, y[i][w]);
  }
}

/// One row: its blocks some at a time.
template <bool kBf16>
void step_row(const LstmStep<float>& s, int64_t blocks) {
  const int64_t parts = (blocks + kLoneBlocks - 1) / kLoneBlocks;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t b = (s.backwards ? parts - 1 - i : i) * kLoneBlocks;
    if (b + kLoneBlocks <= blocks) {
      step_tile<1, kLoneBlocks, kBf16>(s, 0, b);
    } else {
      step_tile<1, 1, kBf16>(s, 0, b);
    }
  }
}

using TileFunction = void (*)(const LstmStep<float>&, int64_t row, int64_t block);

template <bool kBf16>
void step_rows(const LstmStep<float>& s, int64_t blocks) {
#if MAQUE_VECTORS == 8
  constexpr TileFunction kTiles[] = {step_tile<1, 1, kBf16>, step_tile<2, 1, kBf16>, step_tile<3, 1, kBf16>};
#else
  constexpr TileFunction kTiles[] = {step_tile<1, 1, kBf16>, step_tile<2, 1, kBf16>, step_tile<3, 1, kBf16>,
                                     step_tile<4, 1, kBf16>, step_tile<5, 1, kBf16>, step_tile<6, 1, kBf16>};
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
void first_step(const LstmStep<float>& s, int64_t blocks) {
  for (int64_t row = 0; row < s.rows; ++row) {
    for (int64_t b = 0; b < blocks; ++b) {
      const F i = math::sigmoid(input_gate(s, row, b, 0));
      const F g = math::tanh(input_gate(s, row, b, s.gates - 2));
      write_block(s, row, b * kLstmBlock, input_gate(s, row, b, s.gates - 1), i * g);
    }
  }
}

}  // namespace

void lstm_step(const LstmStep<float>& s) {
  const int64_t blocks = lstm_whole(s.hidden) / kLstmBlock;
  if (s.state == nullptr) {
    first_step(s, blocks);
  } else if (s.weights_bf16 != nullptr) {
    s.rows == 1 ? step_row<true>(s, blocks) : step_rows<true>(s, blocks);
  } else {
    s.rows == 1 ? step_row<false>(s, blocks) : step_rows<false>(s, blocks);
  }
}

}  // namespace maque::MAQUE_ISA
