// The recurrence in fp32. Every sum is one chain of fused multiply-adds in the CPU's order, so it cannot be
// cut; it is handed on instead: each of kChain lanes has kEach steps of the chains of kOutputs outputs, with
// the weights of these in its registers, and passes the sums to the next lane. Lanes are at different texts
// at the same time: text x is at lane l in slot x + l.
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/lstm_walk.h"

namespace maque::cuda {
namespace {

/// Forward, a group of kChain lanes has one unit and its kOutputs = 4 gates; backward, kOutputs units.
template <bool backward, int32_t kChain, int32_t kEach, int32_t kOutputs>
class Chains {
 public:
  static constexpr bool kBackward = backward;
  static constexpr int32_t kThreads = 128, kWarps = kThreads / kWarp;
  static constexpr int32_t kParts = 1, kSlack = kChain - 1;
  static constexpr int32_t kGroups = kWarp / kChain, kWarpUnits = backward ? kGroups * kOutputs : kGroups;
  // A text's row: neighbouring lanes read kEach - kRow words apart, an odd number of 16 bytes: no conflicts.
  static constexpr int32_t kDepth = kChain * kEach, kRow = kDepth + 4;
  static_assert(kEach % 8 == 0, "whole vectors, and rows that differ by an odd number of them");

  static int64_t bytes(const LstmShape& shape) {
    return shared_bytes<float>(sums_of(shape)) + shared_bytes<float>(int64_t{kRow} * shape.tile);
  }

  Shared<float> sums;

  MAQUE_DEVICE Chains(const LstmBatch& b, const LstmShape& shape, const LstmPlace& place, uint16_t*,
                      SharedMemory* memory)
      : sums(memory->take<float>(sums_of(shape))),
        rows_(memory->take<float>(int64_t{kRow} * shape.tile)),
        tile_(shape.tile),
        unit_warps_(shape.units / kWarpUnits),
        count_(static_cast<int32_t>(b.hidden)) {
    const int32_t hidden = count_;
    group_ = warp_id() % unit_warps_ * kGroups + lane_id() / kChain;
    if (backward) {
      count_ *= 4;
      from_ = b.gates + place.d * b.gate_columns;
      ld_ = b.ld_gates;
    } else {
      from_ = b.output + place.d * b.hidden;
      ld_ = 2 * b.hidden;
    }
    const float* recurrent = place.d == 0 ? b.recurrent[0] : b.recurrent[1];
    const int32_t unit0 = place.first_unit + (backward ? group_ * kOutputs : group_);
    MAQUE_UNROLL
    for (int32_t e = 0; e < kEach; ++e) {
      const int64_t p = lane_id() % kChain * kEach + e;
      MAQUE_UNROLL
      for (int32_t n = 0; n < kOutputs; ++n) {
        const int32_t unit = backward ? unit0 + n : unit0;
        // Past the chain's end: x + 0 * -0 is x, also where x is -0.
        weights_[e][n] = p >= count_ || unit >= hidden ? -0.0f
                         : backward                    ? recurrent[p * hidden + unit]
                                                       : recurrent[(int64_t{n} * hidden + unit) * hidden + p];
      }
    }
  }

  MAQUE_DEVICE int32_t at(int32_t unit, int32_t text, int32_t n) const {
    return backward ? (unit / kOutputs * tile_ + text) * kOutputs + unit % kOutputs
                    : (unit * tile_ + text) * kOutputs + n;
  }
  MAQUE_DEVICE float d_state(int32_t unit, int32_t text) const { return sums[at(unit, text, 0)]; }

  MAQUE_DEVICE void begin(int64_t, const WalkStep& step) { fed_row_ = step.fed_row; }
  /// Other blocks have written these rows in this launch.
  MAQUE_DEVICE void copy(int32_t first, int32_t fed) const {
    for (int32_t text = warp_id(); text < fed; text += kWarps) {
      const float* row = from_ + (fed_row_ + first + text) * ld_;
      for (int32_t p = lane_id(); p < kDepth; p += kWarp)
        rows_[text * kRow + p] = p < count_ ? load_fresh(row + p) : 0.0f;
    }
  }
  MAQUE_DEVICE void wait() const {}
  MAQUE_DEVICE void keep(int32_t, int32_t, int32_t, float) const {}

  MAQUE_DEVICE void multiply(int32_t fed) const {
    const int32_t shares = kWarps / unit_warps_, share = warp_id() / unit_warps_;
    const int32_t each = (fed + shares - 1) / shares, begin = share * each;
    const int32_t end = begin + each < fed ? begin + each : fed, place = lane_id() % kChain;
    if (begin >= end) return;
    float s[kOutputs] = {};
    for (int32_t slot = begin; slot < end + kSlack; ++slot) {
      const int32_t text = slot - place, sum = (group_ * tile_ + text) * kOutputs;
      const bool inside = text >= begin && text < end;
      MAQUE_UNROLL
      for (int32_t n = 0; n < kOutputs; ++n) {
        s[n] = shuffle(s[n], place - 1, kChain);
        if (inside && place == 0) s[n] = sums[sum + n];
      }
      if (inside) add_steps(rows_.from(text * kRow + place * kEach), s);
      if (inside && place == kChain - 1) {
        MAQUE_UNROLL
        for (int32_t n = 0; n < kOutputs; ++n) sums[sum + n] = s[n];
      }
      sync_warp();  // first terms are read before whole sums take their places
    }
  }

 private:
  MAQUE_HOST_DEVICE static int64_t sums_of(const LstmShape& shape) {
    return int64_t{shape.units} * shape.tile * (backward ? 1 : 4);
  }
  MAQUE_DEVICE void add_steps(Shared<float> row, float (&s)[kOutputs]) const {
    MAQUE_UNROLL
    for (int32_t e = 0; e < kEach; e += 4) {
      const Float4 x = row.load4(e);
      add_step(x.x, e, s);
      add_step(x.y, e + 1, s);
      add_step(x.z, e + 2, s);
      add_step(x.w, e + 3, s);
    }
  }
  MAQUE_DEVICE void add_step(float x, int32_t e, float (&s)[kOutputs]) const {
    MAQUE_UNROLL
    for (int32_t n = 0; n < kOutputs; ++n) s[n] = math::fma(x, weights_[e][n], s[n]);
  }

  Shared<float> rows_;
  int32_t tile_, unit_warps_, count_, group_ = 0;
  const float* from_ = nullptr;
  int64_t ld_ = 0, fed_row_ = 0;
  float weights_[kEach][kOutputs];
};

/// Starts the kernel in the grid that needs the fewest slots, of those that the device holds at once.
template <class Product>
Code start(const char* name, Stream stream, const LstmBatch& b, const LstmGradients& back,
           uint32_t* arrivals) {
  LstmPlan best = {};
  int64_t fewest = INT64_MAX;
  for (int32_t unit_warps = 1; unit_warps <= Product::kWarps; unit_warps *= 2) {
    for (int32_t tile = 8; tile <= 64; tile *= 2) {
      const int64_t taken = b.texts < tile ? b.texts : tile, shares = Product::kWarps / unit_warps;
      const int64_t slots = divide_up(b.texts, tile) * (divide_up(taken, shares) + Product::kSlack);
      const LstmPlan plan =
          plan_lstm<Product>(b.hidden, unit_warps * Product::kWarpUnits, tile, Product::kThreads);
      if (slots >= fewest || !fits_device<Product>(plan)) continue;
      fewest = slots;
      best = plan;
    }
  }
  if (best.threads == 0) return kCooperativeLaunchTooLarge;
  return launch_lstm<Product>(name, stream, best, b, back, nullptr, arrivals);
}

}  // namespace

Code lstm_forward(Stream stream, const LstmBatch& b, uint32_t* arrivals) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  const char* const name = "lstm_forward";
  if (b.hidden <= 128) return start<Chains<false, 8, 16, 4>>(name, stream, b, {}, arrivals);
  if (b.hidden <= 320) return start<Chains<false, 8, 40, 4>>(name, stream, b, {}, arrivals);
  if (b.hidden <= kLargestLstm) return start<Chains<false, 16, 32, 4>>(name, stream, b, {}, arrivals);
  return kCooperativeLaunchTooLarge;
}

Code lstm_backward(Stream stream, const LstmBatch& b, const float* d_output, float* d_cells,
                   uint32_t* arrivals) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  const char* const name = "lstm_backward";
  const LstmGradients back = {d_output, d_cells};
  if (b.hidden <= 128) return start<Chains<true, 32, 16, 4>>(name, stream, b, back, arrivals);
  if (b.hidden <= 320) return start<Chains<true, 32, 40, 4>>(name, stream, b, back, arrivals);
  if (b.hidden <= kLargestLstm) return start<Chains<true, 32, 64, 2>>(name, stream, b, back, arrivals);
  return kCooperativeLaunchTooLarge;
}

}  // namespace maque::cuda
