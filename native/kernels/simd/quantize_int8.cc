// Rows to bytes. See kernels/quantize_int8.h.
#include "kernels/math.h"
#include "kernels/simd/declarations_int8.h"

namespace maque::MAQUE_ISA {
namespace {

/// max |x|: of the bits, whose order is that of the magnitudes, with NaN above all.
float magnitude(const float* x, int64_t k) {
  I most = I::set1(0);
  const I no_sign = I::set1(INT32_MAX);
  for_lanes(k, [&](int64_t p, int64_t r) MAQUE_INLINE_LAMBDA {
    most = max(most, bits(r == kLanes ? F::load(x + p) : F::load(x + p, r)) & no_sign);
  });
  int32_t lane[kLanes], all = 0;
  most.store(lane);
  for (int32_t l : lane) all = l > all ? l : all;
  float result;
  __builtin_memcpy(&result, &all, sizeof result);
  return result;
}

/// The low byte of each lane is zero_point + rne(v), clamped, NaN as 0: adding kRound leaves the rounded
/// number in the low bits, and the byte of kRound's own bits is 0.
MAQUE_INLINE I quantize(F v, F limit, I zero_point) {
  const F clamped = min(max(v, negate(limit)), limit);
  return bits(select(v == v, clamped, F::zero()) + F::set1(math::kRound)) + zero_point;
}

void quantize_row(const float* x, int64_t k, F r, int32_t zero_point, uint8_t* q) {
  const F limit = F::set1(static_cast<float>(zero_point - 1));
  const I zero = I::set1(zero_point);
  for_lanes(k, [&](int64_t p, int64_t left) MAQUE_INLINE_LAMBDA {
    if (left == kLanes) {
      store_low(quantize(F::load(x + p) * r, limit, zero), q + p);
    } else {
      store_low(quantize(F::load(x + p, left) * r, limit, zero), q + p, left);
    }
  });
}

/// x of a row, or x factor.
template <bool kFactor>
struct Values {
  const float *x, *factor;

  MAQUE_INLINE F at(int64_t p, int64_t r) const {
    const F v = r == kLanes ? F::load(x + p) : F::load(x + p, r);
    if constexpr (!kFactor) return v;
    return v * (r == kLanes ? F::load(factor + p) : F::load(factor + p, r));
  }
};

/// The ends of some elements and zero, and what is not 0 where one is NaN or infinite.
struct Ends {
  F least = F::zero(), most = F::zero(), bad = F::zero();

  MAQUE_INLINE void take(F v) {
    least = min(v, least);
    most = max(v, most);
    bad = fma(v, F::zero(), bad);
  }
  MAQUE_INLINE void join(const Ends& other) {
    least = min(other.least, least);
    most = max(other.most, most);
    bad = bad + other.bad;
  }
};

/// Vectors that are under way at once: none waits for the one before.
constexpr int kChains = MAQUE_VECTORS == 8 ? 2 : 4;

/// The ends of a row, zero included; false where an element is NaN or infinite.
template <bool kFactor>
bool row_ends(const Values<kFactor>& values, int64_t k, float* low, float* high) {
  Ends ends[kChains];
  int64_t whole = 0;
  for (; whole + kChains * kLanes <= k; whole += kChains * kLanes) {
#pragma GCC unroll 4
    for (int c = 0; c < kChains; ++c) ends[c].take(values.at(whole + c * kLanes, kLanes));
  }
  for_lanes(k - whole,
            [&](int64_t p, int64_t r) MAQUE_INLINE_LAMBDA { ends[0].take(values.at(whole + p, r)); });
#pragma GCC unroll 4
  for (int c = 1; c < kChains; ++c) ends[0].join(ends[c]);
  *low = -reduce_max(negate(ends[0].least));
  *high = reduce_max(ends[0].most);
  return sum(ends[0].bad) == 0.0f;
}

template <bool kFactor>
void quantize_row_affine(const Values<kFactor>& values, int64_t k, float r, int32_t zero, uint8_t* q) {
  // Adding kRound leaves the rounded number in the low bits, above those of kRound itself.
  const F scale = F::set1(r), round = F::set1(math::kRound);
  const I shift = I::set1(zero - 128) - bits(round);
  const auto byte = [&](int64_t p, int64_t left)
                        MAQUE_INLINE_LAMBDA { return bits(values.at(p, left) * scale + round) + shift; };
  int64_t whole = 0;
  for (; whole + 4 * kLanes <= k; whole += 4 * kLanes) {
    store_clamped(byte(whole, kLanes), byte(whole + kLanes, kLanes), byte(whole + 2 * kLanes, kLanes),
                  byte(whole + 3 * kLanes, kLanes), q + whole);
  }
  for_lanes(k - whole, [&](int64_t p, int64_t left) MAQUE_INLINE_LAMBDA {
    const I last = byte(whole + p, left);
    left == kLanes ? store_clamped(last, q + whole + p) : store_clamped(last, q + whole + p, left);
  });
}

/// Scale and zero point of one row, and what its values are multiplied by: less than 0 where all bytes are
/// the zero point.
template <bool kFactor>
float choose_affine(const Values<kFactor>& values, int64_t k, float* scale, int32_t* zero) {
  float low, high;
  const bool finite = row_ends(values, k, &low, &high);
  const float range = high - low;
  if (!finite || range < kLeastRange) {
    *scale = finite ? 0.0f : __builtin_nanf("");
    *zero = 128;
    return -1.0f;
  }
  const float r = 255.0f / range;
  *scale = range / 255.0f;
  *zero = static_cast<int32_t>((-low * r + math::kRound) - math::kRound);
  return r;
}

/// Rows whose ends are looked for before the first of them is written: no row waits for another's, and the
/// floats are still near.
constexpr int64_t kRowsAhead = 4;

template <bool kFactor>
void quantize_affine(Values<kFactor> values, int64_t ldx, int64_t rows, int64_t k, uint8_t* q, int64_t ldq,
                     float* scale, int32_t* zero) {
  for (int64_t first = 0; first < rows; first += kRowsAhead) {
    const int64_t end = rows - first < kRowsAhead ? rows : first + kRowsAhead;
    float r[kRowsAhead];
    for (int64_t i = first; i < end; ++i) {
      r[i - first] =
          choose_affine(Values<kFactor>{values.x + i * ldx, values.factor}, k, scale + i, zero + i);
    }
    for (int64_t i = first; i < end; ++i) {
      const Values<kFactor> row{values.x + i * ldx, values.factor};
      uint8_t* bytes = q + i * ldq;
      if (r[i - first] < 0.0f) {
        __builtin_memset(bytes, 128, static_cast<size_t>(k));
      } else {
        quantize_row_affine(row, k, r[i - first], zero[i], bytes);
      }
      for (int64_t p = k; p < int8_whole_k(k); ++p) bytes[p] = static_cast<uint8_t>(zero[i]);
    }
  }
}

}  // namespace

void quantize_rows_affine(const float* x, int64_t ldx, const float* factor, int64_t rows, int64_t k,
                          uint8_t* q, int64_t ldq, float* scale, int32_t* zero) {
  factor == nullptr ? quantize_affine(Values<false>{x, factor}, ldx, rows, k, q, ldq, scale, zero)
                    : quantize_affine(Values<true>{x, factor}, ldx, rows, k, q, ldq, scale, zero);
}

void quantize_rows(const float* x, int64_t ldx, int64_t rows, int64_t k, int32_t zero_point, uint8_t* q,
                   int64_t ldq, float* scale) {
  const float limit = static_cast<float>(zero_point - 1);
  for (int64_t i = 0; i < rows; ++i, x += ldx, q += ldq) {
    const float most = magnitude(x, k);
    scale[i] = most == 0.0f ? 0.0f : most / limit;
    quantize_row(x, k, F::set1(most == 0.0f ? 0.0f : limit / most), zero_point, q);
    for (int64_t p = k; p < int8_whole_k(k); ++p) q[p] = static_cast<uint8_t>(zero_point);
  }
}

}  // namespace maque::MAQUE_ISA
