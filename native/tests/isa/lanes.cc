#include "isa/lanes.h"

#include <initializer_list>

#include "kernels/math.h"
#include "kernels/simd/vec.h"

namespace maque::MAQUE_ISA {
namespace {

F apply(test::Function f, F x) {
  switch (f) {
    case test::Function::exp:
      return math::exp(x);
    case test::Function::log:
      return math::log(x);
    case test::Function::sigmoid:
      return math::sigmoid(x);
    case test::Function::tanh:
      return math::tanh(x);
    case test::Function::gelu_erf:
      return math::gelu_erf(x);
    case test::Function::gelu_tanh:
      return math::gelu_tanh(x);
  }
  return x;
}

/// Appends vectors of 16 words to an array.
struct Sink {
  int32_t* at;
  void add(F x) { add(bits(x)); }
  void add(I x) {
    x.store(at);
    at += 16;
  }
  void add(M m) { add(select(m, I::set1(1), I::set1(0))); }
  void add(float x) { add(F::set1(x)); }
};

void probe_floats(const float* x, int64_t r, Sink& out) {
  const F a = F::load(x), b = F::load(x + 16), c = F::load(x + 32);
  for (const F& v : {a + b, a - b, a * b, a / b, fma(a, b, c), fnma(a, b, c), max(a, b), min(a, b)})
    out.add(v);
  for (const F& v : {abs(a), negate(a), sqrt(abs(a)), F::zero(), F::load(x, r), F::set1(x[3])}) out.add(v);
  for (const M& m :
       {a<b, a <= b, a> b, a >= b, a == b, (a < b) & (b < c), (a < b) | (b < c), M::first_lanes(r)}) {
    out.add(m);
    out.add(select(m, a, b));
    out.add(any(m) ? 1.0f : 0.0f);
  }
  out.add(sum(a));
  out.add(reduce_max(a));
  float partial[16] = {};
  a.store(partial, r);
  out.add(F::load(partial));
}

void probe_ints(const int32_t* x, int64_t r, Sink& out) {
  const I a = I::load(x), b = I::load(x + 16);
  I high, low;
  mul_wide(a, b, &high, &low);
  for (const I& v :
       {a + b, a - b, a & b, a | b, a ^ b, shift_left<5>(a), shift_right<7>(a), shift_right_signed<9>(a)}) {
    out.add(v);
  }
  for (const I& v : {high, low, I::iota(), I::load(x, r), select(below(a, b), a, b), bits(to_float(a))})
    out.add(v);
  out.add(a == b);
  out.add(below(a, b));
  int32_t partial[16] = {};
  a.store(partial, r);
  out.add(I::load(partial));
}

}  // namespace

void map(test::Function f, const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += kLanes) apply(f, F::load(x + i)).store(y + i);
}

void probe(const float* floats, const int32_t* ints, int64_t r, int32_t* out) {
  for (int64_t i = 0; i < test::kProbeWords; ++i) out[i] = 0;
  Sink sink = {out};
  probe_floats(floats, r, sink);
  probe_ints(ints, r, sink);
  F rows[16];
  for (int i = 0; i < 16; ++i) rows[i] = F::load(floats + 16 * i);
  transpose(rows);
  for (const F& row : rows) sink.add(row);
}

float fma_loop(int64_t steps) {
  // Six vectors of F, twice a step: twelve sums, in as many registers as even 16 of 256 bits allow.
  F sum[6];
  for (F& s : sum) s = F::set1(1.0f);
  const F a = F::set1(0.999f), b = F::set1(0.001f);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int l = 0; l < 12; ++l) sum[l % 6] = fma(sum[l % 6], a, b);
  }
  return maque::MAQUE_ISA::sum(sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5]);
}

}  // namespace maque::MAQUE_ISA
