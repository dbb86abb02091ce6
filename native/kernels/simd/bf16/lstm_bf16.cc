// One fused step of an LSTM by products in bf16. See kernels/lstm_bf16.h for the contract.
#include "kernels/lstm_bf16.h"

#include "kernels/simd/bf16/declarations.h"
#include "kernels/simd/lstm_rows.h"
#include "kernels/simd/vec_bf16.h"

namespace maque::MAQUE_ISA {
namespace {

struct Bf16Product {
  using Step = LstmBf16Step;
  static constexpr int kInStep = 2;
  static constexpr bool kBetween = true;
  const Step& s;
  const char* weights = reinterpret_cast<const char*>(s.weights_bf16);

  explicit Bf16Product(const Step& step) : s(step) {}

  template <int R>
  MAQUE_INLINE void add(const char* at, int64_t row, int64_t p, F (&sums)[R]) const {
    const uint16_t* x = s.half_state + row * s.ld_state + p * 2;
    const F pair = F::load(reinterpret_cast<const float*>(at));
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
      int32_t own;
      __builtin_memcpy(&own, x + i * s.ld_state, sizeof own);
      sums[i] = bf16_dot(floats(I::set1(own)), pair, sums[i]);
    }
  }
  MAQUE_INLINE void write(int64_t row, int64_t unit, F h) const {
    const int64_t at = row * s.ld_next + unit;
    h.store(s.next + at);
    alignas(64) float halves[kLanes];
    bf16_words(h, F::zero()).store(halves);
    __builtin_memcpy(s.half_next + at, halves, kLanes * sizeof(uint16_t));
  }
};

}  // namespace

void lstm_bf16_step(const LstmBf16Step& s) { step<Bf16Product>(s, s.half_state == nullptr); }

}  // namespace maque::MAQUE_ISA
