// One time step of an LSTM with int8 weights: the recurrent product in integers, the cell in floats. The same
// bits on every instruction set and in plain Java: no fused multiply-add, no function of libm; every +, -, *,
// / below is one IEEE operation rounded to float, in the order of the parentheses; min(a, b) is a < b ? a : b
// and max(a, b) is a > b ? a : b (so NaN pre-activations become the upper bound).
//
// Gates in PyTorch's order i, f, g, o. W_hh is quantised per row: w = rne(W / s_w), s_w = max|W| / 127. The
// state h is kept as q = 64 + rne(h * 63), from 1 to 127 (rne: to the nearest integer, ties to even; the
// bounds below keep it there without a clamp).
//
//   acc = sum_p q_p * w_p - 64 * sum_p w_p           exact, in int32
//   y   = (float(acc) * (s_w * r)) + x               r = kLstmStateStep = 1 / 63 rounded to float
//   first step (zero state): y = x
//
// x is the token's pre-activation. Folded table: x = float(q_table) * s_table. Not folded: x = (float(acc_x)
// * (s_w * s_x)) + bias by the product of gemm_int8.h.
//
// tanh and sigmoid are quotients N / D and S / (D + D) of
//   tanh     v = max(min(x, 6), -6),   u = v * v
//            N = v * (((u + kTanh[0]) * u) + kTanh[1])
//            D = (((((kTanh[2] * u) + kTanh[3]) * u) + kTanh[4]) * u) + kTanh[5]
//   sigmoid  v = max(min(x, 12), -12), u = v * v
//            N, D as above with kSigmoid for kTanh;  S = D + N
// (kSigmoid is kTanh at half the argument, scaled by powers of two, so sigmoid(x) = (1 + tanh(x / 2)) / 2 to
// the bit.) They are never formed alone but where a division is due:
//   f = S_f / (D_f + D_f)
//   a = (S_i * N_g) / ((D_i + D_i) * D_g)            = i * g
//   c = (f * c_before) + a;  first step: c = a, and the forget gate is not read
//   h = (S_o * N_c) / ((D_o + D_o) * D_c)            N_c, D_c: tanh of c
//   q = 64 + rne(h * 63)
// The coefficients are a minimax fit of tanh, made for this file: absolute error of tanh 8.3e-6, of sigmoid
// 4.3e-6, on the whole line.
//
// What reads the state after the LSTM reads these q: h is a bounded activation (63 steps to 1). The maximum
// over time of h has the maximum of q; a mean is ((h_0 + h_1) + ...) / n in the order of the text, in floats,
// then 64 + rne(mean * 63); a text without tokens has q = 64 everywhere.
#pragma once
#include "core/attributes.h"
#include "core/types.h"

namespace maque {

/// s_x of a bounded activation: 1 / 63.
constexpr float kLstmStateStep = 0x1.041042p-6f;
/// Steps to 1.
constexpr float kLstmStateSteps = 63.0f;
constexpr float kTanhBound = 6.0f, kSigmoidBound = 12.0f;
constexpr float kTanh[] = {0x1.36bf7ep+6f, 0x1.54a560p+9f, 0x1.2a5a94p-5f,
                           0x1.79a1a2p+3f, 0x1.30b73cp+8f, 0x1.54a888p+9f};
constexpr float kSigmoid[] = {4 * kTanh[0], 16 * kTanh[1], kTanh[2] / 2,
                              2 * kTanh[3], 8 * kTanh[4],  32 * kTanh[5]};

namespace int8 {

/// N and D of one tanh or sigmoid.
template <class V>
struct Fraction {
  V n, d;
};

template <class V>
MAQUE_INLINE Fraction<V> fraction(V x, float bound, const float (&k)[6]) {
  const V v = max(min(x, V::set1(bound)), V::set1(-bound)), u = v * v;
  const V n = v * (((u + V::set1(k[0])) * u) + V::set1(k[1]));
  const V d = (((((V::set1(k[2]) * u) + V::set1(k[3])) * u) + V::set1(k[4])) * u) + V::set1(k[5]);
  return {n, d};
}
template <class V>
MAQUE_INLINE Fraction<V> tanh(V x) {
  return fraction(x, kTanhBound, kTanh);
}
/// S and D + D.
template <class V>
MAQUE_INLINE Fraction<V> sigmoid(V x) {
  const Fraction<V> t = fraction(x, kSigmoidBound, kSigmoid);
  return {t.d + t.n, t.d + t.d};
}

/// i * g.
template <class V>
MAQUE_INLINE V gated_input(V y_i, V y_g) {
  const Fraction<V> i = sigmoid(y_i), g = tanh(y_g);
  return (i.n * g.n) / (i.d * g.d);
}
/// f * c + i * g.
template <class V>
MAQUE_INLINE V next_cell(V y_f, V c, V input) {
  const Fraction<V> f = sigmoid(y_f);
  return ((f.n / f.d) * c) + input;
}
/// o * tanh(c).
template <class V>
MAQUE_INLINE V output(V y_o, V c) {
  return gated_input(y_o, c);
}

}  // namespace int8

/// Units of one block. In block order unit j's gate n (0 .. gates - 1: i, f, g, o, or i, g, o where nothing
/// reads f) stands at (j / 16 * gates + n) * 16 + j % 16; places past the last unit hold 0.
constexpr int64_t kLstmBlock = 16;
constexpr int64_t lstm_whole(int64_t hidden) { return (hidden + kLstmBlock - 1) / kLstmBlock * kLstmBlock; }

/// Arguments of lstm_int8_step: rows are texts, arrays of gates in block order. Every row of cells, next and
/// output has lstm_whole(hidden) elements; those past hidden become 0 (next: 64).
struct LstmInt8Step {
  int64_t rows, hidden;
  int64_t gates;  // 4, or 3 on a first step

  // x: of row i from row ids[i] of the table, its scale at table_scale[ids[i] * scale_stride]; where table is
  // null from row i of input.
  const int8_t* table;
  int64_t ld_table;
  const float* table_scale;
  int64_t scale_stride;
  const int32_t* ids;
  const float* input;
  int64_t ld_input;

  // The state before; null on a first step, which reads no weights either.
  const uint8_t* state;  // [rows, lstm_whole(hidden)], row stride ld_state
  int64_t ld_state;
  const int8_t* weights;   // [4 * lstm_whole(hidden) in block order, hidden] in panels of 32 rows: element
                           // (n, p) at ((n / 32 * ceil(hidden / 4) + p / 4) * 32 + n % 32) * 4 + p % 4
  const int32_t* offsets;  // 64 times the sum of each row
  const float* scale;      // s_w * kLstmStateStep of each row
  bool backwards;  // blocks from last to first: what the step before has read last is read first, from cache

  float* cells;  // read where there is a state before, and written
  int64_t ld_cells;
  uint8_t* next;  // q of h; may not be state
  int64_t ld_next;
  float* output;  // h, or null
  int64_t ld_output;
};

using lstm_int8_step_fn = void(const LstmInt8Step& step);

}  // namespace maque
