// How the recurrence is cut: into directions and blocks of texts (in the order of the layout), each walked
// over all its times by one unit.
#pragma once
#include "model/bilstm.h"

namespace maque {

constexpr int64_t kTextBlock = 64;
constexpr int64_t kFewRows = 4;           // at most: a product bound by reading its weights
constexpr int64_t kFewRowsColumns = 256;  // columns of one part of such a product

/// Texts [begin, end) of the layout.
struct TextBlock {
  int64_t begin, end;

  /// End of the texts of the block that run at time t.
  int64_t end_at(const StudentBatch& batch, int64_t t) const {
    const int64_t active = batch.active[t];
    return active < begin ? begin : active < end ? active : end;
  }
};

/// Times of the block: the length of its first text.
inline int64_t block_times(const StudentBatch& batch, TextBlock block) {
  int64_t low = 0, high = batch.longest;  // active decreases
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (batch.active[middle] > block.begin) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// End of the texts of the block that direction d has a state of when it comes to time t (from t - 1, or from
/// t + 1 backwards).
inline int64_t previous_end(const StudentBatch& batch, TextBlock block, int64_t d, int64_t t) {
  if (d == 0) return t == 0 ? block.begin : block.end_at(batch, t);
  return t + 1 < batch.longest ? block.end_at(batch, t + 1) : block.begin;
}

/// f(direction, block, worker).
template <class F>
void for_directions_and_blocks(const Executor& executor, const StudentBatch& batch, const F& f) {
  const int64_t blocks = (batch.texts + kTextBlock - 1) / kTextBlock;
  executor.parallel_for(2 * blocks, [&](int64_t unit, int32_t worker) {
    const int64_t begin = unit / 2 * kTextBlock, end = begin + kTextBlock;
    f(unit % 2, TextBlock{begin, end < batch.texts ? end : batch.texts}, worker);
  });
}

}  // namespace maque
