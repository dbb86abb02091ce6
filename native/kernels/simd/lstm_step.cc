// One fused step of an LSTM, weights in fp32 or in bf16 that is widened. See kernels/lstm_step.h for the
// contract, lstm_int8.cc for the same in integers.
#include "kernels/lstm_step.h"

#include "kernels/simd/declarations.h"
#include "kernels/simd/lstm_rows.h"

namespace maque::MAQUE_ISA {
namespace {

struct Fp32Product {
  using Step = LstmStep<float>;
  static constexpr int kInStep = 1;
  static constexpr bool kBetween = true;
  const Step& s;
  const char* weights = reinterpret_cast<const char*>(s.weights);

  explicit Fp32Product(const Step& step) : s(step) {}

  template <int R>
  MAQUE_INLINE void add(const char* at, int64_t row, int64_t p, F (&sums)[R]) const {
    const float* x = s.state + row * s.ld_state + p;
    const F weight = F::load(reinterpret_cast<const float*>(at));
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) sums[i] = fma(F::set1(x[i * s.ld_state]), weight, sums[i]);
  }
  MAQUE_INLINE void write(int64_t row, int64_t unit, F h) const { h.store(s.next + row * s.ld_next + unit); }
};

struct WidenedProduct {
  using Step = LstmStep<float>;
  static constexpr int kInStep = 2;
  static constexpr bool kBetween = false;
  const Step& s;
  const char* weights = reinterpret_cast<const char*>(s.weights_bf16);

  explicit WidenedProduct(const Step& step) : s(step) {}

  template <int R>
  MAQUE_INLINE void add(const char* at, int64_t row, int64_t p, F (&sums)[R]) const {
    const float* x = s.state + row * s.ld_state + p * 2;
    const I pair = I::load(at);
    const F even = lower(pair), odd = upper(pair);
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i) {
      const float* own = x + i * s.ld_state;
      sums[i] = fma(F::set1(own[1]), odd, fma(F::set1(own[0]), even, sums[i]));
    }
  }
  MAQUE_INLINE void write(int64_t row, int64_t unit, F h) const { h.store(s.next + row * s.ld_next + unit); }
};

}  // namespace

void lstm_step(const LstmStep<float>& s) {
  const bool first = s.state == nullptr;
  s.weights_bf16 != nullptr ? step<WidenedProduct>(s, first) : step<Fp32Product>(s, first);
}

}  // namespace maque::MAQUE_ISA
