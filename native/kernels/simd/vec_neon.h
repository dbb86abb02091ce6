// The wrapper of vec.h on NEON (arm64): four registers, lanes 4 q .. 4 q + 3 in v[q].
#pragma once
#include <arm_neon.h>

namespace maque::MAQUE_ISA {

/// The vector whose quarter q is f(q).
template <class V, class G>
MAQUE_INLINE V quarters(const G& f) {
  return {{f(0), f(1), f(2), f(3)}};
}

struct M {
  uint32x4_t v[4];
  static MAQUE_INLINE M first_lanes(int64_t r) {
    const uint32x4_t count = vdupq_n_u32(static_cast<uint32_t>(r));
    const uint32x4_t lane = {0, 1, 2, 3};
    return quarters<M>(
        [&](int q) { return vcgtq_u32(count, vaddq_u32(lane, vdupq_n_u32(4 * static_cast<uint32_t>(q)))); });
  }
};

struct I {
  int32x4_t v[4];
  static MAQUE_INLINE I load(const void* p) {
    // Bytes: an address need not be a multiple of the element's size.
    const int8_t* bytes = static_cast<const int8_t*>(p);
    return quarters<I>([&](int q) { return vreinterpretq_s32_s8(vld1q_s8(bytes + 16 * q)); });
  }
  static MAQUE_INLINE I load(const void* p, int64_t r) {
    // No masked loads here: the lanes in use are copied, by words.
    int32_t lanes[16] = {};
    __builtin_memcpy(lanes, p, static_cast<size_t>(r) * 4);
    return load(lanes);
  }
  static MAQUE_INLINE I set1(int32_t x) {
    return quarters<I>([&](int) { return vdupq_n_s32(x); });
  }
  static MAQUE_INLINE I iota() {
    const int32x4_t lane = {0, 1, 2, 3};
    return quarters<I>([&](int q) { return vaddq_s32(lane, vdupq_n_s32(4 * q)); });
  }
  MAQUE_INLINE void store(void* p) const {
    int8_t* bytes = static_cast<int8_t*>(p);
    for (int q = 0; q < 4; ++q) vst1q_s8(bytes + 16 * q, vreinterpretq_s8_s32(v[q]));
  }
  MAQUE_INLINE void store(void* p, int64_t r) const {
    int32_t lanes[16];
    store(lanes);
    __builtin_memcpy(p, lanes, static_cast<size_t>(r) * 4);
  }
};

struct F {
  using Int = I;
  using Mask = M;
  float32x4_t v[4];
  static MAQUE_INLINE F load(const float* p) {
    return quarters<F>([&](int q) { return vld1q_f32(p + 4 * q); });
  }
  static MAQUE_INLINE F load(const float* p, int64_t r) {
    float lanes[16] = {};
    __builtin_memcpy(lanes, p, static_cast<size_t>(r) * 4);
    return load(lanes);
  }
  static MAQUE_INLINE F set1(float x) {
    return quarters<F>([&](int) { return vdupq_n_f32(x); });
  }
  static MAQUE_INLINE F zero() { return set1(0.0f); }
  MAQUE_INLINE void store(float* p) const {
    for (int q = 0; q < 4; ++q) vst1q_f32(p + 4 * q, v[q]);
  }
  MAQUE_INLINE void store(float* p, int64_t r) const {
    float lanes[16];
    store(lanes);
    __builtin_memcpy(p, lanes, static_cast<size_t>(r) * 4);
  }
};

MAQUE_INLINE F operator+(F a, F b) {
  return quarters<F>([&](int q) { return vaddq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE F operator-(F a, F b) {
  return quarters<F>([&](int q) { return vsubq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE F operator*(F a, F b) {
  return quarters<F>([&](int q) { return vmulq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE F operator/(F a, F b) {
  return quarters<F>([&](int q) { return vdivq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE F fma(F a, F b, F c) {
  return quarters<F>([&](int q) { return vfmaq_f32(c.v[q], a.v[q], b.v[q]); });
}
MAQUE_INLINE F fnma(F a, F b, F c) {
  return quarters<F>([&](int q) { return vfmsq_f32(c.v[q], a.v[q], b.v[q]); });
}
// Selections: FMAX and FMIN would treat NaN and zeros of both signs otherwise.
MAQUE_INLINE F max(F a, F b) {
  return quarters<F>([&](int q) { return vbslq_f32(vcgtq_f32(a.v[q], b.v[q]), a.v[q], b.v[q]); });
}
MAQUE_INLINE F min(F a, F b) {
  return quarters<F>([&](int q) { return vbslq_f32(vcltq_f32(a.v[q], b.v[q]), a.v[q], b.v[q]); });
}
MAQUE_INLINE F sqrt(F a) {
  return quarters<F>([&](int q) { return vsqrtq_f32(a.v[q]); });
}
MAQUE_INLINE F abs(F a) {
  return quarters<F>([&](int q) { return vabsq_f32(a.v[q]); });
}
MAQUE_INLINE F negate(F a) {
  return quarters<F>([&](int q) { return vnegq_f32(a.v[q]); });
}

MAQUE_INLINE M operator<(F a, F b) {
  return quarters<M>([&](int q) { return vcltq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M operator<=(F a, F b) {
  return quarters<M>([&](int q) { return vcleq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M operator>(F a, F b) {
  return quarters<M>([&](int q) { return vcgtq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M operator>=(F a, F b) {
  return quarters<M>([&](int q) { return vcgeq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M operator==(F a, F b) {
  return quarters<M>([&](int q) { return vceqq_f32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M operator&(M a, M b) {
  return quarters<M>([&](int q) { return vandq_u32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M operator|(M a, M b) {
  return quarters<M>([&](int q) { return vorrq_u32(a.v[q], b.v[q]); });
}
MAQUE_INLINE bool any(M m) {
  return vmaxvq_u32(vorrq_u32(vorrq_u32(m.v[0], m.v[1]), vorrq_u32(m.v[2], m.v[3]))) != 0;
}
MAQUE_INLINE F select(M m, F a, F b) {
  return quarters<F>([&](int q) { return vbslq_f32(m.v[q], a.v[q], b.v[q]); });
}
MAQUE_INLINE I select(M m, I a, I b) {
  return quarters<I>([&](int q) { return vbslq_s32(m.v[q], a.v[q], b.v[q]); });
}

MAQUE_INLINE I bits(F a) {
  return quarters<I>([&](int q) { return vreinterpretq_s32_f32(a.v[q]); });
}
MAQUE_INLINE F floats(I a) {
  return quarters<F>([&](int q) { return vreinterpretq_f32_s32(a.v[q]); });
}
MAQUE_INLINE F to_float(I a) {
  return quarters<F>([&](int q) { return vcvtq_f32_s32(a.v[q]); });
}

MAQUE_INLINE I operator+(I a, I b) {
  return quarters<I>([&](int q) { return vaddq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE I operator-(I a, I b) {
  return quarters<I>([&](int q) { return vsubq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE I operator&(I a, I b) {
  return quarters<I>([&](int q) { return vandq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE I operator|(I a, I b) {
  return quarters<I>([&](int q) { return vorrq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE I operator^(I a, I b) {
  return quarters<I>([&](int q) { return veorq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M operator==(I a, I b) {
  return quarters<M>([&](int q) { return vceqq_s32(a.v[q], b.v[q]); });
}
MAQUE_INLINE M below(I a, I b) {
  return quarters<M>(
      [&](int q) { return vcltq_u32(vreinterpretq_u32_s32(a.v[q]), vreinterpretq_u32_s32(b.v[q])); });
}
template <int N>
MAQUE_INLINE I shift_left(I a) {
  return quarters<I>([&](int q) { return vshlq_n_s32(a.v[q], N); });
}
template <int N>
MAQUE_INLINE I shift_right(I a) {
  return quarters<I>(
      [&](int q) { return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.v[q]), N)); });
}
template <int N>
MAQUE_INLINE I shift_right_signed(I a) {
  return quarters<I>([&](int q) { return vshrq_n_s32(a.v[q], N); });
}
MAQUE_INLINE void mul_wide(I a, I b, I* high, I* low) {
  for (int q = 0; q < 4; ++q) {
    const uint32x4_t x = vreinterpretq_u32_s32(a.v[q]), y = vreinterpretq_u32_s32(b.v[q]);
    const uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(x), vget_low_u32(y)));
    const uint32x4_t last = vreinterpretq_u32_u64(vmull_high_u32(x, y));
    low->v[q] = vreinterpretq_s32_u32(vuzp1q_u32(first, last));
    high->v[q] = vreinterpretq_s32_u32(vuzp2q_u32(first, last));
  }
}

MAQUE_INLINE float sum(F a) {
  const float32x4_t four = vaddq_f32(vaddq_f32(a.v[0], a.v[2]), vaddq_f32(a.v[1], a.v[3]));
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
MAQUE_INLINE float reduce_max(F a) {
  const auto larger = [](float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); };
  const float32x4_t four = larger(larger(a.v[0], a.v[2]), larger(a.v[1], a.v[3]));
  const float32x4_t two = larger(four, vextq_f32(four, four, 2));
  const float x = vgetq_lane_f32(two, 0), y = vgetq_lane_f32(two, 1);
  return x > y ? x : y;
}

/// rows[i] lane j <-> rows[j] lane i: 4 x 4 blocks, transposed and exchanged.
MAQUE_INLINE void transpose(F (&rows)[16]) {
  F out[16];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      const float32x4_t a = rows[4 * i].v[q], b = rows[4 * i + 1].v[q], c = rows[4 * i + 2].v[q],
                        d = rows[4 * i + 3].v[q];
      const float64x2_t even_ab = vreinterpretq_f64_f32(vtrn1q_f32(a, b)),
                        odd_ab = vreinterpretq_f64_f32(vtrn2q_f32(a, b)),
                        even_cd = vreinterpretq_f64_f32(vtrn1q_f32(c, d)),
                        odd_cd = vreinterpretq_f64_f32(vtrn2q_f32(c, d));
      out[4 * q].v[i] = vreinterpretq_f32_f64(vtrn1q_f64(even_ab, even_cd));
      out[4 * q + 1].v[i] = vreinterpretq_f32_f64(vtrn1q_f64(odd_ab, odd_cd));
      out[4 * q + 2].v[i] = vreinterpretq_f32_f64(vtrn2q_f64(even_ab, even_cd));
      out[4 * q + 3].v[i] = vreinterpretq_f32_f64(vtrn2q_f64(odd_ab, odd_cd));
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) rows[i] = out[i];
}

}  // namespace maque::MAQUE_ISA
