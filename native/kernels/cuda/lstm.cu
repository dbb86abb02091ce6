// A block has 4 warps, each with kUnits units of the block's direction. At every step it takes the running
// texts 32 at a time, a lane each: a thread makes its text's pre-activations of its warp's units, reading
// states (or, backwards, gradients of gates) of all units through a tile in shared memory and weights as
// broadcasts.
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/lstm.h"
#include "kernels/cuda/lstm_cell.h"

namespace maque::cuda {
namespace {

constexpr int32_t kWarps = 4, kThreads = kWarps * kWarp, kDepth = 64;

/// What the blocks of one direction share, and this block's part of it.
struct Direction {
  int32_t d, first_unit;
  uint32_t blocks;
  MAQUE_DEVICE Direction(int32_t blocks_a_direction, int32_t units_a_block)
      : d(block_x() / blocks_a_direction),
        first_unit(block_x() % blocks_a_direction * units_a_block),
        blocks(static_cast<uint32_t>(blocks_a_direction)) {}
  /// Texts that direction d has a state of when it comes to time t.
  MAQUE_DEVICE int32_t texts_before(const LstmBatch& b, int64_t t) const {
    if (d == 0) return t == 0 ? 0 : b.active[t];
    return t + 1 < b.longest ? b.active[t + 1] : 0;
  }
  MAQUE_DEVICE int64_t time_before(int64_t t) const { return d == 0 ? t - 1 : t + 1; }
};

/// Columns [column, column + kDepth) of rows [0, count) from `from` on, of n columns, into tile [32][kDepth +
/// 1]. Other blocks have written them in this launch.
MAQUE_DEVICE void load_tile(const float* from, int64_t ld, int32_t count, int32_t column, int32_t n,
                            Shared<float> tile) {
  for (int32_t e = thread_x(); e < kWarp * kDepth; e += kThreads) {
    const int32_t r = e / kDepth, c = e % kDepth;
    const bool inside = r < count && column + c < n;
    tile[r * (kDepth + 1) + c] = inside ? load_fresh(from + r * ld + column + c) : 0.0f;
  }
}

/// weights[(p * units + u) * 4 + gate]: of the block's unit u and state p.
template <int32_t kUnits>
MAQUE_DEVICE void keep_weights(const float* recurrent, int32_t hidden, int32_t first_unit,
                               Shared<float> weights) {
  constexpr int32_t kBlockUnits = kUnits * kWarps;
  for (int32_t e = thread_x(); e < hidden * kBlockUnits * 4; e += kThreads) {
    const int32_t p = e % hidden, row = e / hidden, gate = row % 4, unit = row / 4;
    const bool inside = first_unit + unit < hidden;
    const int64_t from = static_cast<int64_t>(gate) * hidden + first_unit + unit;
    weights[(p * kBlockUnits + unit) * 4 + gate] = inside ? recurrent[from * hidden + p] : 0.0f;
  }
}

/// Adds the products of `depth` states of the lane's text.
template <int32_t kUnits>
MAQUE_DEVICE void add_states(Shared<float> tile, Shared<float> weights, int32_t p0, int32_t depth,
                             float (&sums)[kUnits][4]) {
  for (int32_t p = 0; p < depth; ++p) {
    const float h = tile[lane_id() * (kDepth + 1) + p];
    MAQUE_UNROLL
    for (int32_t u = 0; u < kUnits; ++u) {
      const Float4 w = weights.load4(((p0 + p) * kUnits * kWarps + warp_id() * kUnits + u) * 4);
      sums[u][0] = math::fma(h, w.x, sums[u][0]);
      sums[u][1] = math::fma(h, w.y, sums[u][1]);
      sums[u][2] = math::fma(h, w.z, sums[u][2]);
      sums[u][3] = math::fma(h, w.w, sums[u][3]);
    }
  }
}

/// The recurrent product of 32 texts from text `first` on at time t; nothing for texts without a state.
template <int32_t kUnits>
MAQUE_DEVICE void multiply_states(const LstmBatch& b, const Direction& at, int64_t t, int32_t first,
                                  int32_t going, Shared<float> tile, Shared<float> weights,
                                  float (&sums)[kUnits][4]) {
  const auto hidden = static_cast<int32_t>(b.hidden);
  const int64_t before = b.start[at.time_before(t)] + first;
  const float* states = b.output + before * 2 * hidden + at.d * hidden;
  const bool has_state = first + lane_id() < going;
  for (int32_t p = 0; p < hidden; p += kDepth) {
    sync_threads();  // the tile before this one has been read
    load_tile(states, 2 * hidden, going - first, p, hidden, tile);
    sync_threads();
    if (has_state) add_states<kUnits>(tile, weights, p, hidden - p < kDepth ? hidden - p : kDepth, sums);
  }
}

template <int32_t kUnits>
MAQUE_KERNEL(kThreads)
run_lstm(LstmBatch b, int32_t blocks_a_direction, uint32_t* arrivals) {
  constexpr int32_t kBlockUnits = kUnits * kWarps;
  const auto hidden = static_cast<int32_t>(b.hidden);
  const Direction at(blocks_a_direction, kBlockUnits);
  SharedMemory memory;
  const Shared<float> weights = memory.take<float>(static_cast<int64_t>(hidden) * kBlockUnits * 4),
                      tile = memory.take<float>(kWarp * (kDepth + 1));
  keep_weights<kUnits>(at.d == 0 ? b.recurrent[0] : b.recurrent[1], hidden, at.first_unit, weights);
  sync_threads();
  const int32_t unit0 = at.first_unit + warp_id() * kUnits;
  for (int64_t step = 0; step < b.longest; ++step) {
    const int64_t t = at.d == 0 ? step : b.longest - 1 - step;
    const int32_t texts = b.active[t], going = at.texts_before(b, t);
    for (int32_t first = 0; first < texts; first += kWarp) {
      const int32_t text = first + lane_id();
      const int64_t row = b.start[t] + text;
      float* gates = b.gates + row * b.ld_gates + at.d * b.gate_columns;
      float sums[kUnits][4] = {};
      MAQUE_UNROLL
      for (int32_t u = 0; u < kUnits; ++u) {
        for (int32_t n = 0; n < 4 && text < texts && unit0 + u < hidden; ++n) {
          if (n != 1 || text < going) sums[u][n] = gates[n * hidden + unit0 + u];
        }
      }
      if (first < going) multiply_states<kUnits>(b, at, t, first, going, tile, weights, sums);
      MAQUE_UNROLL
      for (int32_t u = 0; u < kUnits; ++u) {
        const int32_t unit = unit0 + u;
        if (text >= texts || unit >= hidden) continue;
        const bool has_state = text < going;
        const int64_t column = at.d * hidden + unit;
        const float c_prev =
            has_state ? b.cells[(b.start[at.time_before(t)] + text) * 2 * hidden + column] : 0.0f;
        const float cell = step_cell(sums[u], has_state, c_prev);
        for (int32_t n = 0; n < 4; ++n) gates[n * hidden + unit] = sums[u][n];
        b.cells[row * 2 * hidden + column] = cell;
        b.output[row * 2 * hidden + column] = sums[u][3] * math::tanh(cell);
      }
    }
    sync_blocks(arrivals + at.d, at.blocks, static_cast<uint32_t>(step + 1));
  }
}

// --- backward
// -------------------------------------------------------------------------------------------------------

/// weights[(q / 4 * units + u) * 4 + q % 4]: of gate column q onto the block's unit u.
template <int32_t kUnits>
MAQUE_DEVICE void keep_weights_back(const float* recurrent, int32_t hidden, int32_t first_unit,
                                    Shared<float> weights) {
  constexpr int32_t kBlockUnits = kUnits * kWarps;
  for (int32_t e = thread_x(); e < 4 * hidden * kBlockUnits; e += kThreads) {
    const int32_t u = e % kBlockUnits, q = e / kBlockUnits;
    const bool inside = first_unit + u < hidden;
    weights[(q / 4 * kBlockUnits + u) * 4 + q % 4] =
        inside ? recurrent[static_cast<int64_t>(q) * hidden + first_unit + u] : 0.0f;
  }
}

/// Adds the products of `depth` gradients of gates of the lane's text; depth is a multiple of 4.
template <int32_t kUnits>
MAQUE_DEVICE void add_gates(Shared<float> tile, Shared<float> weights, int32_t q0, int32_t depth,
                            float (&sums)[kUnits]) {
  const int32_t row = lane_id() * (kDepth + 1);
  for (int32_t q = 0; q < depth; q += 4) {
    const float d0 = tile[row + q], d1 = tile[row + q + 1], d2 = tile[row + q + 2], d3 = tile[row + q + 3];
    MAQUE_UNROLL
    for (int32_t u = 0; u < kUnits; ++u) {
      const Float4 w = weights.load4(((q0 + q) / 4 * kUnits * kWarps + warp_id() * kUnits + u) * 4);
      sums[u] = math::fma(d3, w.w, math::fma(d2, w.z, math::fma(d1, w.y, math::fma(d0, w.x, sums[u]))));
    }
  }
}

template <int32_t kUnits>
MAQUE_KERNEL(kThreads)
run_lstm_backward(LstmBatch b, int32_t blocks_a_direction, const float* d_output, float* d_cells,
                  uint32_t* arrivals) {
  constexpr int32_t kBlockUnits = kUnits * kWarps;
  const auto hidden = static_cast<int32_t>(b.hidden);
  const Direction at(blocks_a_direction, kBlockUnits);
  SharedMemory memory;
  const Shared<float> weights = memory.take<float>(static_cast<int64_t>(hidden) * kBlockUnits * 4),
                      tile = memory.take<float>(kWarp * (kDepth + 1));
  keep_weights_back<kUnits>(at.d == 0 ? b.recurrent[0] : b.recurrent[1], hidden, at.first_unit, weights);
  sync_threads();
  const int32_t unit0 = at.first_unit + warp_id() * kUnits;
  for (int64_t step = 0; step < b.longest; ++step) {
    const int64_t t = at.d == 0 ? b.longest - 1 - step : step, after = at.d == 0 ? t + 1 : t - 1;
    const int32_t texts = b.active[t], going = at.texts_before(b, t);
    const int32_t coming = step == 0   ? 0
                           : at.d == 0 ? b.active[after]
                                       : texts;  // texts with a step after this one
    for (int32_t first = 0; first < texts; first += kWarp) {
      const int32_t text = first + lane_id();
      const int64_t row = b.start[t] + text;
      float dh[kUnits] = {};
      MAQUE_UNROLL
      for (int32_t u = 0; u < kUnits; ++u) {
        if (text < texts && unit0 + u < hidden)
          dh[u] = d_output[row * 2 * hidden + at.d * hidden + unit0 + u];
      }
      if (first < coming) {
        const float* d_gates = b.gates + (b.start[after] + first) * b.ld_gates + at.d * b.gate_columns;
        for (int32_t q = 0; q < 4 * hidden; q += kDepth) {
          sync_threads();
          load_tile(d_gates, b.ld_gates, coming - first, q, 4 * hidden, tile);
          sync_threads();
          if (text < coming)
            add_gates<kUnits>(tile, weights, q, 4 * hidden - q < kDepth ? 4 * hidden - q : kDepth, dh);
        }
      }
      float* gates = b.gates + row * b.ld_gates + at.d * b.gate_columns;
      MAQUE_UNROLL
      for (int32_t u = 0; u < kUnits; ++u) {
        const int32_t unit = unit0 + u;
        if (text >= texts || unit >= hidden) continue;
        const bool has_state = text < going;
        const int64_t column = at.d * hidden + unit;
        const float c_prev =
            has_state ? b.cells[(b.start[at.time_before(t)] + text) * 2 * hidden + column] : 0.0f;
        float dc = text < coming ? d_cells[text * 2 * hidden + column] : 0.0f;
        float gate[4];
        for (int32_t n = 0; n < 4; ++n) gate[n] = gates[n * hidden + unit];
        step_cell_backward(gate, has_state, c_prev, b.cells[row * 2 * hidden + column], dh[u], &dc);
        for (int32_t n = 0; n < 4; ++n) gates[n * hidden + unit] = gate[n];
        d_cells[text * 2 * hidden + column] = dc;
      }
    }
    sync_blocks(arrivals + at.d, at.blocks, static_cast<uint32_t>(step + 1));
  }
}

// --- launches
// -------------------------------------------------------------------------------------------------------

int64_t bytes_of(int64_t hidden, int32_t units) {
  return shared_bytes<float>(hidden * units * kWarps * 4) + shared_bytes<float>(kWarp * (kDepth + 1));
}

/// Starts the kernel of kUnits units a warp, if the device holds its blocks all at once.
template <int32_t kUnits, class... P, class... A>
Code try_launch(const char* name, Stream stream, const LstmBatch& b, uint32_t* arrivals, void (*kernel)(P...),
                A... args) {
  const int64_t blocks = divide_up(b.hidden, kUnits * kWarps), bytes = bytes_of(b.hidden, kUnits);
  if (bytes > largest_shared_bytes() || 2 * blocks > resident_blocks(kernel, kThreads, bytes))
    return kCooperativeLaunchTooLarge;
  const Code code = set_zero(arrivals, 2 * sizeof(uint32_t), stream);
  if (code != kSuccess) return code;
  const Launch shape = {name, {static_cast<uint32_t>(2 * blocks), 1, 1}, kThreads, bytes, stream, true};
  return launch(shape, kernel, b, static_cast<int32_t>(blocks), args..., arrivals);
}

}  // namespace

Code lstm_forward(Stream stream, const LstmBatch& b, uint32_t* arrivals) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  const char* const name = "lstm_forward";
  Code code = try_launch<1>(name, stream, b, arrivals, run_lstm<1>);
  if (code == kCooperativeLaunchTooLarge) code = try_launch<2>(name, stream, b, arrivals, run_lstm<2>);
  if (code == kCooperativeLaunchTooLarge) code = try_launch<4>(name, stream, b, arrivals, run_lstm<4>);
  return code;
}

Code lstm_backward(Stream stream, const LstmBatch& b, const float* d_output, float* d_cells,
                   uint32_t* arrivals) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  const char* const name = "lstm_backward";
  Code code = try_launch<1>(name, stream, b, arrivals, run_lstm_backward<1>, d_output, d_cells);
  if (code == kCooperativeLaunchTooLarge)
    code = try_launch<2>(name, stream, b, arrivals, run_lstm_backward<2>, d_output, d_cells);
  if (code == kCooperativeLaunchTooLarge)
    code = try_launch<4>(name, stream, b, arrivals, run_lstm_backward<4>, d_output, d_cells);
  return code;
}

}  // namespace maque::cuda
