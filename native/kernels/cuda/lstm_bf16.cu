// The recurrence on tensor cores. A block has 16 units. Each of four warps (or of two sets of four, which
// share the texts) keeps the fragments of one gate of these units in registers: forward, [16 units, hidden]
// as the first factor of that gate's pre-activations; backward, the gate's part of the gradients of states,
// which the cell adds up. The second factor are rows of texts, copied as bf16 past the first cache.
#include "kernels/bf16.h"
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/lstm_walk.h"

namespace maque::cuda {
namespace {

constexpr int32_t kUnits = 16, kGates = 4;

template <bool backward, int32_t kSteps>
class Fragments {
 public:
  static constexpr bool kBackward = backward;
  static constexpr int32_t kThreads = 256, kParts = kGates, kCopies = backward ? kGates : 1;
  // 16 bytes more than a multiple of 32: 8 rows of a matrix lie in different banks.
  static constexpr int32_t kRow = 16 * kSteps + 8;
  // Sums are [gate][text][kSumRow]; two texts are 8 banks apart.
  static constexpr int32_t kSumRow = kUnits + 4;

  static int64_t bytes(const LstmShape& shape) {
    return shared_bytes<float>(sums_of(shape)) + shared_bytes<uint16_t>(rows_of(shape));
  }

  Shared<float> sums;

  MAQUE_DEVICE Fragments(const LstmBatch& b, const LstmShape& shape, const LstmPlace& place, uint16_t* halves,
                         SharedMemory* memory)
      : sums(memory->take<float>(sums_of(shape))),
        rows_(memory->take<uint16_t>(rows_of(shape))),
        halves_(halves),
        texts_(b.texts),
        ld_((b.hidden + 7) / 8 * 8),
        d_(place.d),
        tile_(shape.tile),
        hidden_(static_cast<int32_t>(b.hidden)),
        first_unit_(place.first_unit),
        gate_(warp_id() % kGates) {
    const float* recurrent = (d_ == 0 ? b.recurrent[0] : b.recurrent[1]) + gate_ * b.hidden * b.hidden;
    const auto weight = [&](int32_t unit, int32_t p) {
      if (unit >= hidden_ || p >= hidden_) return 0.0f;
      return backward ? recurrent[p * hidden_ + unit] : recurrent[unit * hidden_ + p];
    };
    MAQUE_UNROLL
    for (int32_t s = 0; s < kSteps; ++s) {
      MAQUE_UNROLL
      for (int32_t i = 0; i < 4; ++i) {
        const int32_t unit = first_unit_ + lane_id() / 4 + i % 2 * 8,
                      p = 16 * s + lane_id() % 4 * 2 + i / 2 * 8;
        weights_[s].a[i] = pack_bf16(weight(unit, p), weight(unit, p + 1));
      }
    }
  }

  MAQUE_DEVICE int32_t at(int32_t unit, int32_t text, int32_t gate) const {
    return (gate * tile_ + text) * kSumRow + unit;
  }
  MAQUE_DEVICE float d_state(int32_t unit, int32_t text) const {
    const float first = sums[at(unit, text, 0)] + sums[at(unit, text, 1)];
    return (first + sums[at(unit, text, 2)]) + sums[at(unit, text, 3)];
  }

  MAQUE_DEVICE void begin(int64_t step, const WalkStep&) { now_ = static_cast<int32_t>(step % 2); }
  MAQUE_DEVICE void copy(int32_t first, int32_t fed) const {
    const int32_t rows = (fed + 15) / 16 * 16;
    for (int32_t r = warp_id(); r < kCopies * rows; r += threads_x() / kWarp) {
      const int32_t part = r / rows, text = r % rows;
      const uint16_t* from = halves(1 - now_, part, first + text);
      for (int32_t c = lane_id(); c < 2 * kSteps; c += kWarp) {
        const int32_t left = text < fed ? hidden_ - 8 * c : 0, valid = left <= 0  ? 0
                                                                       : left < 8 ? 2 * left
                                                                                  : 16;
        copy_async(rows_, (part * tile_ + text) * kRow + 8 * c, valid > 0 ? from + 8 * c : halves_, valid);
      }
    }
    commit_async();
  }
  MAQUE_DEVICE void wait() const { wait_async<0>(); }
  MAQUE_DEVICE void keep(int32_t unit, int32_t text, int32_t part, float x) const {
    halves(now_, part, text)[first_unit_ + unit] = to_bf16(x);
  }

  MAQUE_DEVICE void multiply(int32_t fed) const {
    const int32_t l = lane_id(), sets = threads_x() / (kGates * kWarp), set = warp_id() / kGates;
    const Shared<uint16_t> rows = rows_.from(backward ? gate_ * tile_ * kRow : 0);
    for (int32_t text = 16 * set; text < fed; text += 16 * sets) {
      FragmentC c[2];
      each_sum(c, text, fed, [&](float* sum, int32_t i) { *sum = sums[i]; });
      MAQUE_UNROLL
      for (int32_t s = 0; s < kSteps; ++s) {
        uint32_t words[4];
        load_matrix(words, rows, (text + l / 16 * 8 + l % 8) * kRow + 16 * s + l / 8 % 2 * 8);
        multiply_add(c[0], weights_[s], FragmentB{{words[0], words[1]}});
        multiply_add(c[1], weights_[s], FragmentB{{words[2], words[3]}});
      }
      each_sum(c, text, fed, [&](const float* sum, int32_t i) { sums[i] = *sum; });
    }
  }

 private:
  MAQUE_HOST_DEVICE static int64_t sums_of(const LstmShape& shape) {
    return int64_t{kGates} * shape.tile * kSumRow;
  }
  MAQUE_HOST_DEVICE static int64_t rows_of(const LstmShape& shape) {
    return int64_t{kCopies} * shape.tile * kRow;
  }
  MAQUE_DEVICE uint16_t* halves(int32_t step, int32_t part, int32_t text) const {
    return halves_ + ((int64_t{step * 2 + d_} * kCopies + part) * texts_ + text) * ld_;
  }
  /// f(sum, its place in sums) for the elements of c that are texts below `fed`, from `text` on.
  template <class F>
  MAQUE_DEVICE void each_sum(FragmentC (&c)[2], int32_t text, int32_t fed, const F& f) const {
    MAQUE_UNROLL
    for (int32_t i = 0; i < 2; ++i) {
      MAQUE_UNROLL
      for (int32_t e = 0; e < 4; ++e) {
        const int32_t j = text + 8 * i + lane_id() % 4 * 2 + e % 2;
        if (j < fed) f(&c[i].c[e], at(lane_id() / 4 + e / 2 * 8, j, gate_));
      }
    }
  }

  Shared<uint16_t> rows_;
  uint16_t* halves_;
  int64_t texts_, ld_;
  int32_t d_, tile_, hidden_, first_unit_, gate_, now_ = 0;
  FragmentA weights_[kSteps];
};

/// Starts the kernel with as many warps and as large a tile as the device holds at once.
template <class Product>
Code start(const char* name, Stream stream, const LstmBatch& b, const LstmGradients& back, uint16_t* scratch,
           uint32_t* arrivals) {
  for (uint32_t threads = Product::kThreads; threads >= 128; threads /= 2) {
    for (int32_t tile = b.texts > 32 ? 64 : b.texts > 16 ? 32 : 16; tile >= 16; tile /= 2) {
      const LstmPlan plan = plan_lstm<Product>(b.hidden, kUnits, tile, threads);
      if (fits_device<Product>(plan))
        return launch_lstm<Product>(name, stream, plan, b, back, scratch, arrivals);
    }
  }
  return kCooperativeLaunchTooLarge;
}

Code check(const LstmBatch& b, const uint16_t* scratch) {
  if (compute_capability() < 80) return kInvalidDeviceFunction;
  if (reinterpret_cast<uintptr_t>(scratch) % 16 != 0) return kInvalidValue;
  return b.hidden <= kLargestLstm ? kSuccess : kCooperativeLaunchTooLarge;
}

}  // namespace

Code lstm_bf16_forward(Stream stream, const LstmBatch& b, uint16_t* scratch, uint32_t* arrivals) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  const Code code = check(b, scratch);
  if (code != kSuccess) return code;
  const auto run = b.hidden <= 128   ? start<Fragments<false, 8>>
                   : b.hidden <= 320 ? start<Fragments<false, 20>>
                                     : start<Fragments<false, 32>>;
  return run("lstm_bf16_forward", stream, b, {}, scratch, arrivals);
}

Code lstm_bf16_backward(Stream stream, const LstmBatch& b, const float* d_output, float* d_cells,
                        uint16_t* scratch, uint32_t* arrivals) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  const Code code = check(b, scratch);
  if (code != kSuccess) return code;
  const auto run = b.hidden <= 128   ? start<Fragments<true, 8>>
                   : b.hidden <= 320 ? start<Fragments<true, 20>>
                                     : start<Fragments<true, 32>>;
  return run("lstm_bf16_backward", stream, b, {d_output, d_cells}, scratch, arrivals);
}

}  // namespace maque::cuda
