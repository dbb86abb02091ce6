#include <immintrin.h>

#include "limits/loops.h"
#include "limits/probes.h"

namespace maque {
namespace limits {
namespace {

void fma(int64_t steps) {
  __m512 sums[kChains] = {};
  const __m512 a = _mm512_set1_ps(0.5F), b = _mm512_set1_ps(0.25F);
#define MAQUE_INSTRUCTION "vfmadd231ps"
  for (int64_t i = 0; i < steps; ++i) {
    MAQUE_REPEAT_12(MAQUE_ONE)
  }
#undef MAQUE_INSTRUCTION
}

void bf16(int64_t steps) {
  __m512 sums[kChains] = {};
  const __m512 a = _mm512_setzero_ps(), b = a;
#define MAQUE_INSTRUCTION "vdpbf16ps"
  for (int64_t i = 0; i < steps; ++i) {
    MAQUE_REPEAT_12(MAQUE_ONE)
  }
#undef MAQUE_INSTRUCTION
}

void vnni(int64_t steps) {
  __m512i sums[kChains] = {};
  const __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
#define MAQUE_INSTRUCTION "vpdpbusd"
  for (int64_t i = 0; i < steps; ++i) {
    MAQUE_REPEAT_12(MAQUE_ONE)
  }
#undef MAQUE_INSTRUCTION
}

void maddubs(int64_t steps) {
  __m512i sums[kChains] = {}, products[kChains] = {};
  const __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
  for (int64_t i = 0; i < steps; ++i) {
    MAQUE_REPEAT_12(MAQUE_TRIPLE)
  }
}

uint64_t read(const char* from, int64_t bytes) {
  constexpr int kSums = 8;
  __m512i sums[kSums] = {};
  for (int64_t i = 0; i < bytes; i += 64 * kSums) {
    for (int j = 0; j < kSums; ++j) {
      sums[j] = _mm512_or_si512(sums[j], _mm512_load_si512(from + i + 64 * j));
    }
  }
  for (int j = 1; j < kSums; ++j) sums[0] = _mm512_or_si512(sums[0], sums[j]);
  alignas(64) uint64_t words[8];
  _mm512_store_si512(words, sums[0]);
  uint64_t all = 0;
  for (uint64_t word : words) all |= word;
  return all;
}

}  // namespace

const Probes avx512_probes = {16, fma, bf16, vnni, maddubs, read};

}  // namespace limits
}  // namespace maque
