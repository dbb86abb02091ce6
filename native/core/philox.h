// Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). One call maps a 128-bit counter and a 64-bit key to four independent 32-bit words.
#pragma once
#include "core/attributes.h"
#include "core/types.h"

namespace maque {

struct PhiloxBlock {
  uint32_t word[4];
};

constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53, kPhiloxMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;
constexpr int kPhiloxRounds = 10;

MAQUE_INLINE PhiloxBlock philox4x32(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  PhiloxBlock x = counter;
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(kPhiloxMultiplier0) * x.word[0];
    const uint64_t product1 = static_cast<uint64_t>(kPhiloxMultiplier1) * x.word[2];
    x = {{static_cast<uint32_t>(product1 >> 32) ^ x.word[1] ^ key0, static_cast<uint32_t>(product1),
          static_cast<uint32_t>(product0 >> 32) ^ x.word[3] ^ key1, static_cast<uint32_t>(product0)}};
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return x;
}

/// Words 4q .. 4q + 3 of a dropout mask (see Dropout): element e = 4q + i is dropped when word[i] <
/// threshold.
MAQUE_INLINE PhiloxBlock dropout_block(const Dropout& dropout, uint64_t q) {
  const PhiloxBlock counter = {
      {static_cast<uint32_t>(q), static_cast<uint32_t>(q >> 32), dropout.step, dropout.site}};
  return philox4x32(counter, static_cast<uint32_t>(dropout.seed), static_cast<uint32_t>(dropout.seed >> 32));
}

/// p * 2^32 rounded down, for p in [0, 1).
MAQUE_INLINE uint32_t dropout_threshold(float p) {
  return static_cast<uint32_t>(static_cast<uint64_t>(static_cast<double>(p) * 4294967296.0));
}

}  // namespace maque
