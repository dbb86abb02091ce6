// What the recurrences of lstm.cu and lstm_bf16.cu share: the walk over time steps and tiles of texts, the
// cells, and the choice of a grid that is resident as a whole. They differ in their Product, which keeps the
// recurrent weights of the block's units in registers from the first step to the last:
//
//   kBackward, kThreads   direction of the pass; most threads of a block
//   sums                  shared memory: element at(unit, text, n) starts as what the product is added to
//   copy(fed)             starts to bring the rows that the product reads into shared memory; wait() ends it
//   multiply(fed)         adds the products of texts [0, fed) of the tile to sums
//   keep(...)             makes a new state (or gradient of a gate) known to the next step's copies
//   d_state(unit, text)   backward: the whole gradient of a state, from sums
#pragma once
#include "kernels/cuda/lstm.h"
#include "kernels/cuda/lstm_cell.h"

namespace maque::cuda {

/// How one direction is cut.
struct LstmShape {
  int32_t blocks, units;  // blocks of a direction, units of a block
  int32_t tile;           // texts that a block takes at once
};

/// What only the backward pass has.
struct LstmGradients {
  const float* d_output;
  float* d_cells;
};

/// Where a block is.
struct LstmPlace {
  int32_t d, first_unit;
  MAQUE_DEVICE explicit LstmPlace(const LstmShape& shape)
      : d(block_x() / shape.blocks), first_unit(block_x() % shape.blocks * shape.units) {}
};

/// One step of a direction's walk over time.
struct WalkStep {
  int32_t texts;                    // that run at this time
  int32_t going;                    // of those, that have a state already
  int32_t fed;                      // of those, that the walk's last step feeds: the product's rows
  int64_t row, going_row, fed_row;  // of the first text, now and there
};

template <bool backward>
MAQUE_DEVICE WalkStep find_step(const LstmBatch& b, int32_t d, int64_t step) {
  const bool upwards = (d == 0) != backward;
  const int64_t t = upwards ? step : b.longest - 1 - step;
  const int64_t before = d == 0 ? t - 1 : t + 1, last = upwards ? t - 1 : t + 1;
  const auto inside = [&](int64_t time) { return time >= 0 && time < b.longest; };
  const auto both = [&](int64_t time) { return inside(time) ? b.active[time > t ? time : t] : 0; };
  const auto row = [&](int64_t time) { return inside(time) ? b.start[time] : 0; };
  return {b.active[t], both(before), both(last), b.start[t], row(before), row(last)};
}

/// f(unit, text) for `units` units of `texts` texts, always by the same thread of the block.
template <class F>
MAQUE_DEVICE void each_cell(int32_t units, int32_t texts, const F& f) {
  for (int32_t e = thread_x(); e < units * texts; e += threads_x()) f(e % units, e / units);
}

/// A unit of one text, at one step: where its numbers are.
struct LstmUnit {
  bool inside, has_state, is_fed;
  float* gates;
  int64_t gate_stride, state, state_before, d_cell;
  MAQUE_DEVICE LstmUnit(const LstmBatch& b, const WalkStep& step, int32_t d, int32_t text, int32_t unit)
      : inside(unit < b.hidden),
        has_state(text < step.going),
        is_fed(text < step.fed),
        gate_stride(b.hidden) {
    const int64_t column = d * b.hidden + unit;
    gates = b.gates + (step.row + text) * b.ld_gates + d * b.gate_columns + unit;
    state = (step.row + text) * 2 * b.hidden + column;
    state_before = (step.going_row + text) * 2 * b.hidden + column;
    d_cell = text * 2 * b.hidden + column;
  }
  MAQUE_DEVICE float& gate(int32_t n) const { return gates[n * gate_stride]; }
};

/// What the sums of a unit start from.
template <class Product>
MAQUE_DEVICE void start_cell(const LstmUnit& u, const LstmGradients& back, int32_t unit, int32_t text,
                             const Product& product) {
  if (Product::kBackward) {
    product.sums[product.at(unit, text, 0)] = u.inside ? back.d_output[u.state] : 0.0f;
    for (int32_t n = 1; n < Product::kParts; ++n) product.sums[product.at(unit, text, n)] = 0.0f;
  } else {
    for (int32_t n = 0; n < 4; ++n)
      product.sums[product.at(unit, text, n)] = u.inside && (n != 1 || u.has_state) ? u.gate(n) : 0.0f;
  }
}

/// The cell, from the whole sums.
template <class Product>
MAQUE_DEVICE void finish_cell(const LstmBatch& b, const LstmUnit& u, const LstmGradients& back, int32_t unit,
                              int32_t text, int32_t first, Product* product) {
  if (!u.inside) return;
  const float c_prev = u.has_state ? b.cells[u.state_before] : 0.0f;
  float gate[4];
  if (Product::kBackward) {
    float dc = u.is_fed ? back.d_cells[u.d_cell] : 0.0f;
    for (int32_t n = 0; n < 4; ++n) gate[n] = u.gate(n);
    step_cell_backward(gate, u.has_state, c_prev, b.cells[u.state], product->d_state(unit, text), &dc);
    back.d_cells[u.d_cell] = dc;
    for (int32_t n = 0; n < 4; ++n) product->keep(unit, first + text, n, gate[n]);
  } else {
    for (int32_t n = 0; n < 4; ++n) gate[n] = product->sums[product->at(unit, text, n)];
    const float cell = step_cell(gate, u.has_state, c_prev), state = gate[3] * math::tanh(cell);
    b.cells[u.state] = cell;
    b.output[u.state] = state;
    product->keep(unit, first + text, 0, state);
  }
  for (int32_t n = 0; n < 4; ++n) u.gate(n) = gate[n];
}

template <class Product>
MAQUE_KERNEL(Product::kThreads)
run_lstm(LstmBatch b, LstmShape shape, LstmGradients back, uint16_t* halves, uint32_t* arrivals) {
  SharedMemory memory;
  const LstmPlace place(shape);
  Product product(b, shape, place, halves, &memory);
  for (int64_t at = 0; at < b.longest; ++at) {
    const WalkStep step = find_step<Product::kBackward>(b, place.d, at);
    product.begin(at, step);
    for (int32_t first = 0; first < step.texts; first += shape.tile) {
      const int32_t texts = step.texts - first < shape.tile ? step.texts - first : shape.tile;
      const int32_t fed = step.fed - first < texts ? step.fed - first : texts;
      const auto unit_of = [&](int32_t unit, int32_t text) {
        return LstmUnit(b, step, place.d, first + text, place.first_unit + unit);
      };
      if (fed > 0) product.copy(first, fed);
      each_cell(shape.units, texts, [&](int32_t unit, int32_t text) {
        start_cell(unit_of(unit, text), back, unit, text, product);
      });
      product.wait();
      sync_threads();  // rows and first terms are there
      if (fed > 0) product.multiply(fed);
      sync_threads();  // the sums are whole, and the rows have been read
      each_cell(shape.units, texts, [&](int32_t unit, int32_t text) {
        finish_cell(b, unit_of(unit, text), back, unit, text, first, &product);
      });
    }
    sync_blocks(arrivals + place.d, static_cast<uint32_t>(shape.blocks), static_cast<uint32_t>(at + 1));
  }
}

// --- launches
// -------------------------------------------------------------------------------------------------------

/// One way to launch a recurrence.
struct LstmPlan {
  LstmShape shape;
  uint32_t threads;
  int64_t bytes;
};

template <class Product>
LstmPlan plan_lstm(int64_t hidden, int32_t units, int32_t tile, uint32_t threads) {
  const LstmShape shape = {static_cast<int32_t>(divide_up(hidden, units)), units, tile};
  return {shape, threads, Product::bytes(shape)};
}

/// The device holds the blocks of both directions at once.
template <class Product>
bool fits_device(const LstmPlan& plan) {
  return plan.bytes <= largest_shared_bytes() &&
         2 * plan.shape.blocks <= resident_blocks(run_lstm<Product>, plan.threads, plan.bytes);
}

template <class Product>
Code launch_lstm(const char* name, Stream stream, const LstmPlan& plan, const LstmBatch& b,
                 const LstmGradients& back, uint16_t* halves, uint32_t* arrivals) {
  const Code code = set_zero(arrivals, 2 * sizeof(uint32_t), stream);
  if (code != kSuccess) return code;
  const Launch shape = {
      name, {2 * static_cast<uint32_t>(plan.shape.blocks), 1, 1}, plan.threads, plan.bytes, stream, true};
  return launch(shape, run_lstm<Product>, b, plan.shape, back, halves, arrivals);
}

}  // namespace maque::cuda
