// How a serving form walks over the times of a batch: in blocks of texts, each direction's steps in order.
#pragma once
#include "model/recurrence.h"

namespace maque {

/// `count` texts whose next time is due: their rows begin at `row`, those of their states before at `before`
/// (-1: they begin here, from a zero state), their cells at `cell`.
struct ServingStep {
  int64_t direction, row, before, cell, count;
  int64_t number;  // of the step in its direction and block
};

/// Step number `step` of one direction: the texts that go on, and those that begin.
template <class F>
void walk_step(const StudentBatch& batch, TextBlock block, int64_t times, int64_t d, int64_t step,
               const F& f) {
  const int64_t t = d == 0 ? step : times - 1 - step;
  const int64_t end = block.end_at(batch, t), joined = previous_end(batch, block, d, t);
  const int64_t going = joined - block.begin, row = batch.start[t] + block.begin;
  if (going > 0) {
    const int64_t before = batch.start[d == 0 ? t - 1 : t + 1] + block.begin;
    f(ServingStep{d, row, before, block.begin, going, step});
  }
  if (end > joined) f(ServingStep{d, row + going, -1, block.begin + going, end - joined, step});
}

/// All steps of a batch, one direction after the other: what a single text is bound by is reading the
/// weights, and those of one direction stay nearer than those of both in turn.
template <class F>
void walk_batch(const StudentBatch& batch, const F& f) {
  for (int64_t begin = 0; begin < batch.texts; begin += kTextBlock) {
    const int64_t left = batch.texts - begin;
    const TextBlock block{begin, begin + (left < kTextBlock ? left : kTextBlock)};
    const int64_t times = block_times(batch, block);
    for (int64_t d = 0; d < 2; ++d) {
      for (int64_t step = 0; step < times; ++step) walk_step(batch, block, times, d, step, f);
    }
  }
}

}  // namespace maque
