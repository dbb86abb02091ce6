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

/// The ends of a row, zero included; false where an element is NaN or infinite.
template <bool kFactor>
bool row_ends(const Values<kFactor>& values, int64_t k, float* low, float* high) {
  F least = F::zero(), most = F::zero(), bad = F::zero();
  for_lanes(k, [&](int64_t p, int64_t r) MAQUE_INLINE_LAMBDA {
    const F v = values.at(p, r);
    least = min(v, least);
    most = max(v, most);
    bad = bad + (v - v);
  });
  *low = -reduce_max(negate(least));
  *high = reduce_max(most);
  return sum(bad) == 0.0f;
}

template <bool kFactor>
void quantize_row_affine(const Values<kFactor>& values, int64_t k, float r, int32_t zero, uint8_t* q) {
  // Adding kRound leaves the rounded number in the low bits, above those of kRound itself.
  const F scale = F::set1(r), round = F::set1(math::kRound);
  const I shift = I::set1(zero - 128) - bits(round);
  for_lanes(k, [&](int64_t p, int64_t left) MAQUE_INLINE_LAMBDA {
    const I byte = bits(values.at(p, left) * scale + round) + shift;
    left == kLanes ? store_clamped(byte, q + p) : store_clamped(byte, q + p, left);
  });
}

template <bool kFactor>
void quantize_affine(Values<kFactor> values, int64_t ldx, int64_t rows, int64_t k, uint8_t* q, int64_t ldq,
                     float* scale, int32_t* zero) {
  for (int64_t i = 0; i < rows; ++i, values.x += ldx, q += ldq) {
    float low, high, z = 128.0f;
    const bool finite = row_ends(values, k, &low, &high);
    const float range = high - low;
    if (finite && range >= kLeastRange) {
      const float r = 255.0f / range;
      scale[i] = range / 255.0f;
      z = (-low * r + math::kRound) - math::kRound;
      quantize_row_affine(values, k, r, static_cast<int32_t>(z), q);
    } else {
      scale[i] = finite ? 0.0f : __builtin_nanf("");
      __builtin_memset(q, 128, static_cast<size_t>(k));
    }
    zero[i] = static_cast<int32_t>(z);
    for (int64_t p = k; p < int8_whole_k(k); ++p) q[p] = static_cast<uint8_t>(zero[i]);
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
