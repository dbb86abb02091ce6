#include <immintrin.h>

#include "limits/loops.h"
#include "limits/probes.h"

namespace maque {
namespace limits {
namespace {

void fma(int64_t steps) {
  __m256 sums[kChains] = {};
  const __m256 a = _mm256_set1_ps(0.5F), b = _mm256_set1_ps(0.25F);
#define MAQUE_INSTRUCTION "vfmadd231ps"
  for (int64_t i = 0; i < steps; ++i) {
    MAQUE_REPEAT_12(MAQUE_ONE)
  }
#undef MAQUE_INSTRUCTION
}

void maddubs(int64_t steps) {
  __m256i sums[kChains] = {}, products[kChains] = {};
  const __m256i a = _mm256_set1_epi8(1), b = _mm256_set1_epi8(2);
  for (int64_t i = 0; i < steps; ++i) {
    MAQUE_REPEAT_12(MAQUE_TRIPLE)
  }
}

uint64_t read(const char* from, int64_t bytes) {
  constexpr int kSums = 8;
  __m256i sums[kSums] = {};
  for (int64_t i = 0; i < bytes; i += 32 * kSums) {
    for (int j = 0; j < kSums; ++j) {
      const __m256i* block = reinterpret_cast<const __m256i*>(from + i) + j;
      sums[j] = _mm256_or_si256(sums[j], _mm256_load_si256(block));
    }
  }
  for (int j = 1; j < kSums; ++j) sums[0] = _mm256_or_si256(sums[0], sums[j]);
  alignas(32) uint64_t words[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), sums[0]);
  return words[0] | words[1] | words[2] | words[3];
}

}  // namespace

const Probes avx2_probes = {8, fma, nullptr, nullptr, maddubs, read};

}  // namespace limits
}  // namespace maque
