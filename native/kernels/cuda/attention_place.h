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

/// g.row_sums: of dO * O for each query and head, which is the sum of dP * P.
Code sum_attention_rows(Stream stream, const AttentionGradients& g, int64_t queries, int64_t heads,
                        int64_t d);

/// The gradients at one score: of the score itself (unscaled), and the weight after dropout.
struct ScoreGradient {
  float d_score, weight;
};
MAQUE_DEVICE ScoreGradient score_gradient(const Mask& mask, uint64_t number, float score, float log_sum,
                                          float dp, float row_sum) {
  const float p = math::exp(score - log_sum);
  if (!(mask.key.p > 0)) return {p * (dp - row_sum), p};
  return {p * (masked(mask, number, dp) - row_sum), masked(mask, number, p)};
}

}  // namespace maque::cuda
