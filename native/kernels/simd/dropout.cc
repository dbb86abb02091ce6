#include "kernels/dropout.h"

#include "core/philox.h"
#include "kernels/simd/rows.h"
#include "kernels/simd/transpose.h"

namespace maque::MAQUE_ISA {

namespace {

/// Counters of one call of mask_words, and the elements that their words cover.
constexpr int64_t kMaskBlock = 4 * kLanes;

/// The words of counters q .. q + 15, in the order of their elements; a float each, to be moved and never
/// computed with.
MAQUE_INLINE void mask_words(const Dropout& dropout, uint64_t q, float* words) {
  const I low = I::set1(static_cast<int32_t>(q)), high = I::set1(static_cast<int32_t>(q >> 32));
  const I counter = low + I::iota();
  I x0 = counter, x1 = select(below(counter, low), high + I::set1(1), high);
  I x2 = I::set1(static_cast<int32_t>(dropout.step)), x3 = I::set1(static_cast<int32_t>(dropout.site));
  uint32_t key0 = static_cast<uint32_t>(dropout.seed), key1 = static_cast<uint32_t>(dropout.seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    I high0, low0, high1, low1;
    mul_wide(x0, I::set1(static_cast<int32_t>(kPhiloxMultiplier0)), &high0, &low0);
    mul_wide(x2, I::set1(static_cast<int32_t>(kPhiloxMultiplier1)), &high1, &low1);
    x0 = high1 ^ x1 ^ I::set1(static_cast<int32_t>(key0));
    x1 = low1;
    x2 = high0 ^ x3 ^ I::set1(static_cast<int32_t>(key1));
    x3 = low0;
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  float by_word[4 * kLanes];
  x0.store(by_word);
  x1.store(by_word + kLanes);
  x2.store(by_word + 2 * kLanes);
  x3.store(by_word + 3 * kLanes);
  for (int64_t l = 0; l < kLanes; l += 4) transpose4(by_word + l, kLanes, words + 4 * l, 4);
}

}  // namespace

void dropout(const Dropout& dropout, const float* x, int64_t n, float* y) {
  const I threshold = I::set1(static_cast<int32_t>(dropout_threshold(dropout.p)));
  const F kept = F::set1(1.0f / (1.0f - dropout.p));
  float words[kMaskBlock];
  int64_t skip = static_cast<int64_t>(dropout.offset % 4);  // words of the first counter before element 0
  uint64_t q = dropout.offset / 4;
  for (int64_t i = 0; i < n; q += kLanes) {
    mask_words(dropout, q, words);
    const int64_t count = min_of(kMaskBlock - skip, n - i);
    for_lanes(count, [&](int64_t e, int64_t r) MAQUE_BODY {
      const M dropped = below(I::load(words + skip + e, r), threshold);
      store(select(dropped, F::zero(), load(x + i + e, r) * kept), y + i + e, r);
    });
    i += count;
    skip = 0;
  }
}

}  // namespace maque::MAQUE_ISA
