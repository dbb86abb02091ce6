// Which head of which text a block of attention works on, and the gradient at one score.
#pragma once
#include "kernels/cuda/attention.h"
#include "kernels/cuda/mask.h"
#include "kernels/math.h"

namespace maque::cuda {

constexpr int64_t kLargestGrid = 65535;  // of a grid's second and third dimension

/// This block's head and text.
struct Place {
  int32_t first, nq, nk;  // first row of the keys
  int64_t first_query, head, mask;
  template <class Batch>
  MAQUE_DEVICE explicit Place(const Batch& b) {
    const int32_t text = block_z();
    head = block_y();
    first = b.offsets[text];
    nk = b.offsets[text + 1] - first;
    nq = b.first_only ? 1 : nk;
    first_query = b.first_only ? text : first;
    const int64_t before = b.first_only ? first : b.squares != nullptr ? b.squares[text] : 0;
    mask = b.heads * before + head * nq * nk;
  }
  /// Number of score (i, j) in the mask.
  MAQUE_DEVICE uint64_t score(int32_t i, int32_t j) const {
    return static_cast<uint64_t>(mask + static_cast<int64_t>(i) * nk + j);
  }
};

/// The gradients at one score of weight p: of the score itself (unscaled), and the weight after dropout.
/// factor: what dropout multiplies by, 0 or the mask's `kept`; 1 without dropout.
struct ScoreGradient {
  float d_score, weight;
};
MAQUE_DEVICE ScoreGradient score_gradient(float factor, float p, float dp, float row_sum) {
  return {p * (dp * factor - row_sum), p * factor};
}

/// Which scores of a tile dropout takes, a bit for each of kKeys keys of each of kQueries queries. A block of
/// the generator gives four neighbours, so that the threads draw together what all of them read.
template <int32_t kQueries, int32_t kKeys>
struct DroppedTile {
  static constexpr int32_t kWords = kKeys / 32, kElements = kQueries * kWords;
  Shared<uint32_t> words;  // [kQueries][kWords]

  /// Draws the tile that begins at (query, key); nothing without dropout. The whole block of kThreads calls
  /// it, where nobody reads any more, and waits for the others before it reads.
  template <int32_t kThreads>
  MAQUE_DEVICE void draw(const Mask& mask, const Place& place, int32_t query, int32_t key) const {
    if (!(mask.key.p > 0)) return;
    const int32_t lane = thread_x() % 4;  // four threads a row
    MAQUE_UNROLL
    for (int32_t row = 0; row < kQueries; row += kThreads / 4) {
      const int32_t r = row + thread_x() / 4, keys = place.nk - key;
      const int32_t left = query + r >= place.nq ? 0 : keys < kKeys ? keys : kKeys;
      const uint64_t first = mask.key.offset + place.score(query + r, key);
      const auto skew = static_cast<int32_t>(first % 4);  // of the first key in its group of four
      uint64_t bits = 0;
      for (int32_t k = lane; 4 * k < skew + left; k += 4) {
        const PhiloxBlock block = dropout_block(mask.key, first / 4 + static_cast<uint64_t>(k));
        uint64_t four = 0;
        MAQUE_UNROLL
        for (int32_t i = 0; i < 4; ++i) four |= static_cast<uint64_t>(block.word[i] < mask.threshold) << i;
        const int32_t at = 4 * k - skew;
        bits |= at < 0 ? four >> -at : four << at;
      }
      auto low = static_cast<uint32_t>(bits), high = static_cast<uint32_t>(bits >> 32);
      low |= shuffle_xor(low, 1);
      low |= shuffle_xor(low, 2);
      if (lane == 0) words[r * kWords] = low;
      if (kWords == 1) continue;
      high |= shuffle_xor(high, 1);
      high |= shuffle_xor(high, 2);
      if (lane == 0) words[r * kWords + kWords - 1] = high;
    }
  }

  /// What dropout multiplies score (i, j) of the tile by.
  MAQUE_DEVICE float factor(const Mask& mask, int32_t i, int32_t j) const {
    if (!(mask.key.p > 0)) return 1.0f;
    const uint32_t word = words[i * kWords + j / 32];
    return (word >> (j % 32) & 1u) != 0 ? 0.0f : mask.kept;
  }
};

}  // namespace maque::cuda
