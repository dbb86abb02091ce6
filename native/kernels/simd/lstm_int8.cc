// One step of an int8 LSTM. The recurrent sums of all gates of a block of units stay in registers over the
// whole state and go straight into the cell. A single row is bound by reading the weights: the cell of each
// block is worked out in between the parts of the next block's product. See kernels/lstm_int8.h for the
// contract.
#include "kernels/lstm_int8.h"

#include "kernels/math.h"
#include "kernels/simd/declarations_int8.h"

namespace maque::MAQUE_ISA {
namespace {

constexpr int kGates = 4;
constexpr int64_t kPanelBytes = kInt8Panel * kInt8Step;

// The most rows whose sums of one block fit the registers, and how many gates' sums are under way at once.
#if MAQUE_VECTORS == 8
constexpr int kMostRows = 3;
constexpr int gates_at_once(int rows) { return rows == 1 ? kGates : 2; }
#else
constexpr int kMostRows = 6;
constexpr int gates_at_once(int) { return kGates; }
#endif

/// sums[i][n]: row i, gate n of a block.
template <int R>
MAQUE_INLINE void recurrent_sums(const LstmInt8Step& s, int64_t row, int64_t block, I (&sums)[R][kGates]) {
  constexpr int kAtOnce = gates_at_once(R);
  const int64_t steps = int8_whole_k(s.hidden) / kInt8Step, panel = steps * kPanelBytes;
#pragma GCC unroll 2
  for (int g = 0; g < kGates; g += kAtOnce) {
    const uint8_t* state = s.state + row * s.ld_state;
    const int8_t* weights = s.weights + (block * 2 + g / 2) * panel;
    I sum[R][kAtOnce];
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
      for (int n = 0; n < kAtOnce; ++n) sum[i][n] = I::set1(0);
    }
    for (int64_t p = 0; p < steps; ++p, state += kInt8Step, weights += kPanelBytes) {
      I x[R];
#pragma GCC unroll 6
      for (int i = 0; i < R; ++i) x[i] = broadcast4(state + i * s.ld_state);
#pragma GCC unroll 4
      for (int n = 0; n < kAtOnce; ++n) {
        const I weight = I::load(weights + n / 2 * panel + n % 2 * 64);
#pragma GCC unroll 6
        for (int i = 0; i < R; ++i) sum[i][n] = dot4_7bit(sum[i][n], x[i], weight);
      }
    }
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
      for (int n = 0; n < kAtOnce; ++n) sums[i][g + n] = sum[i][n];
    }
  }
}

/// Where the pre-activations x of one row lie.
struct Input {
  const int8_t* bytes;
  const float* floats;
  F scale;

  Input(const LstmInt8Step& s, int64_t row) {
    if (s.table != nullptr) {
      const int64_t id = s.ids[row];
      bytes = s.table + id * s.ld_table;
      floats = nullptr;
      scale = F::set1(s.table_scale[id * s.scale_stride]);
    } else {
      bytes = nullptr;
      floats = s.input + row * s.ld_input;
      scale = F::zero();
    }
  }
  MAQUE_INLINE F at(int64_t place) const {
    return bytes != nullptr ? to_float(widen(bytes + place)) * scale : F::load(floats + place);
  }
};

/// h of the units of a block, from its output gate and cells.
MAQUE_INLINE void write_block(const LstmInt8Step& s, int64_t row, int64_t unit, F y_o, F c) {
  const F h = int8::output(y_o, c);
  c.store(s.cells + row * s.ld_cells + unit);
  if (s.output != nullptr) h.store(s.output + row * s.ld_output + unit);
  // The low byte of the sum is 64 + rne(h * 63): 64 is even, so ties go where they go without it.
  store_low(bits(h * F::set1(kLstmStateSteps) + F::set1(math::kRound + kZeroPoint7)),
            s.next + row * s.ld_next + unit);
}

/// The cell of one block, in stages.
struct Cell {
  const LstmInt8Step& s;
  const Input input;
  int64_t row, unit = 0;
  F y[kGates] = {}, c = {};

  static constexpr int kStages = 3;

  MAQUE_INLINE Cell(const LstmInt8Step& step, int64_t text) : s(step), input(step, text), row(text) {}

  MAQUE_INLINE void start(const I* sums, int64_t block) {
    unit = block * kLstmBlock;
#pragma GCC unroll 4
    for (int n = 0; n < kGates; ++n) {
      const int64_t place = (block * kGates + n) * kLanes;
      y[n] = to_float(sums[n] - I::load(s.offsets + place)) * F::load(s.scale + place) + input.at(place);
    }
  }
  MAQUE_INLINE void stage(int i) {
    if (i == 0) {
      c = int8::gated_input(y[0], y[2]);
    } else if (i == 1) {
      c = int8::next_cell(y[1], F::load(s.cells + row * s.ld_cells + unit), c);
    } else {
      write_block(s, row, unit, y[3], c);
    }
  }
  MAQUE_INLINE void finish() {
#pragma GCC unroll 3
    for (int i = 0; i < kStages; ++i) stage(i);
  }
};

/// Not inlined: one copy of the cell for tiles of all sizes.
__attribute__((noinline)) void step_block(const LstmInt8Step& s, int64_t row, int64_t block, const I* sums) {
  Cell cell(s, row);
  cell.start(sums, block);
  cell.finish();
}

/// The sums of one block of the only row, and in between the cell of the block before, if there is one. From
/// the oldest units of the state to the newest, at which the step before may still be: exact sums have no
/// order.
template <bool kCell>
MAQUE_INLINE void lone_sums(const LstmInt8Step& s, int64_t block, Cell* before, I (&sum)[kGates]) {
  const int64_t steps = int8_whole_k(s.hidden) / kInt8Step, panel = steps * kPanelBytes;
  const int64_t first = s.backwards ? 0 : steps - 1, by = s.backwards ? 1 : -1;
  const uint8_t* state = s.state + first * kInt8Step;
  const int8_t* weights = s.weights + block * 2 * panel + first * kPanelBytes;
#pragma GCC unroll 4
  for (int n = 0; n < kGates; ++n) sum[n] = I::set1(0);
#pragma GCC unroll 3
  for (int stage = 0; stage < Cell::kStages; ++stage) {
    if constexpr (kCell) before->stage(stage);
    const int64_t last = Cell::kStages - 1, part = steps / Cell::kStages;
    const int64_t count = stage == last ? steps - last * part : part;
    for (int64_t p = 0; p < count; ++p, state += by * kInt8Step, weights += by * kPanelBytes) {
      const I x = broadcast4(state);
#pragma GCC unroll 4
      for (int n = 0; n < kGates; ++n)
        sum[n] = dot4_7bit(sum[n], x, I::load(weights + n / 2 * panel + n % 2 * 64));
    }
  }
}

void step_row(const LstmInt8Step& s, int64_t blocks) {
  Cell cell(s, 0);
  I sums[kGates];
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t block = s.backwards ? blocks - 1 - i : i;
    if (i == 0) {
      lone_sums<false>(s, block, &cell, sums);
    } else {
      lone_sums<true>(s, block, &cell, sums);
    }
    cell.start(sums, block);
  }
  cell.finish();
}

template <int R>
void step_tile(const LstmInt8Step& s, int64_t row, int64_t block) {
  I sums[R][kGates];
  recurrent_sums(s, row, block, sums);
  for (int i = 0; i < R; ++i) step_block(s, row + i, block, sums[i]);
}

using TileFunction = void (*)(const LstmInt8Step&, int64_t row, int64_t block);
#if MAQUE_VECTORS == 8
constexpr TileFunction kTiles[] = {step_tile<1>, step_tile<2>, step_tile<3>};
#else
constexpr TileFunction kTiles[] = {step_tile<1>, step_tile<2>, step_tile<3>,
                                   step_tile<4>, step_tile<5>, step_tile<6>};
#endif
static_assert(sizeof kTiles / sizeof kTiles[0] == kMostRows);

/// From a zero state: no product, no forget gate.
void first_step(const LstmInt8Step& s, int64_t blocks) {
  for (int64_t row = 0; row < s.rows; ++row) {
    const Input input(s, row);
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t place = b * s.gates * kLanes, last = place + (s.gates - 1) * kLanes;
      const F c = int8::gated_input(input.at(place), input.at(last - kLanes));
      write_block(s, row, b * kLstmBlock, input.at(last), c);
    }
  }
}

}  // namespace

void lstm_int8_step(const LstmInt8Step& s) {
  const int64_t blocks = lstm_whole(s.hidden) / kLstmBlock;
  if (s.state == nullptr) return first_step(s, blocks);
  if (s.rows == 1) return step_row(s, blocks);
  const int64_t tiles = (s.rows + kMostRows - 1) / kMostRows;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t b = s.backwards ? blocks - 1 - i : i;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t row = t * s.rows / tiles, end = (t + 1) * s.rows / tiles;
      kTiles[end - row - 1](s, row, b);
    }
  }
}

}  // namespace maque::MAQUE_ISA
