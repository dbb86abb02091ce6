// The wrapper of vec.h in plain C++: sixteen lanes in an array. Tests run the vector sources through it on
// machines that lack an instruction set.
#pragma once

namespace maque::MAQUE_ISA {

struct M {
  bool v[16];
  static MAQUE_INLINE M first_lanes(int64_t r) {
    M m;
    for (int l = 0; l < 16; ++l) m.v[l] = l < r;
    return m;
  }
};

struct I {
  int32_t v[16];
  static MAQUE_INLINE I load(const void* p) {
    I a;
    __builtin_memcpy(a.v, p, sizeof a.v);
    return a;
  }
  static MAQUE_INLINE I load(const void* p, int64_t r) {
    I a = set1(0);
    __builtin_memcpy(a.v, p, static_cast<size_t>(r) * 4);
    return a;
  }
  static MAQUE_INLINE I set1(int32_t x) {
    I a;
    for (int l = 0; l < 16; ++l) a.v[l] = x;
    return a;
  }
  static MAQUE_INLINE I iota() {
    I a;
    for (int l = 0; l < 16; ++l) a.v[l] = l;
    return a;
  }
  MAQUE_INLINE void store(void* p) const { __builtin_memcpy(p, v, sizeof v); }
  MAQUE_INLINE void store(void* p, int64_t r) const { __builtin_memcpy(p, v, static_cast<size_t>(r) * 4); }
};

struct F {
  using Int = I;
  using Mask = M;
  float v[16];
  static MAQUE_INLINE F load(const float* p) {
    F a;
    __builtin_memcpy(a.v, p, sizeof a.v);
    return a;
  }
  static MAQUE_INLINE F load(const float* p, int64_t r) {
    F a = zero();
    __builtin_memcpy(a.v, p, static_cast<size_t>(r) * 4);
    return a;
  }
  static MAQUE_INLINE F set1(float x) {
    F a;
    for (int l = 0; l < 16; ++l) a.v[l] = x;
    return a;
  }
  static MAQUE_INLINE F zero() { return set1(0.0f); }
  MAQUE_INLINE void store(float* p) const { __builtin_memcpy(p, v, sizeof v); }
  MAQUE_INLINE void store(float* p, int64_t r) const { __builtin_memcpy(p, v, static_cast<size_t>(r) * 4); }
};

/// A vector whose lane l is f(l).
template <class V, class G>
MAQUE_INLINE V lanes(const G& f) {
  V r;
  for (int l = 0; l < 16; ++l) r.v[l] = f(l);
  return r;
}

MAQUE_INLINE int32_t wrap(uint32_t x) { return static_cast<int32_t>(x); }
MAQUE_INLINE uint32_t word(int32_t x) { return static_cast<uint32_t>(x); }

MAQUE_INLINE F operator+(F a, F b) {
  return lanes<F>([&](int l) { return a.v[l] + b.v[l]; });
}
MAQUE_INLINE F operator-(F a, F b) {
  return lanes<F>([&](int l) { return a.v[l] - b.v[l]; });
}
MAQUE_INLINE F operator*(F a, F b) {
  return lanes<F>([&](int l) { return a.v[l] * b.v[l]; });
}
MAQUE_INLINE F operator/(F a, F b) {
  return lanes<F>([&](int l) { return a.v[l] / b.v[l]; });
}
MAQUE_INLINE F fma(F a, F b, F c) {
  return lanes<F>([&](int l) { return __builtin_fmaf(a.v[l], b.v[l], c.v[l]); });
}
MAQUE_INLINE F fnma(F a, F b, F c) {
  return lanes<F>([&](int l) { return __builtin_fmaf(-a.v[l], b.v[l], c.v[l]); });
}
MAQUE_INLINE F max(F a, F b) {
  return lanes<F>([&](int l) { return a.v[l] > b.v[l] ? a.v[l] : b.v[l]; });
}
MAQUE_INLINE F min(F a, F b) {
  return lanes<F>([&](int l) { return a.v[l] < b.v[l] ? a.v[l] : b.v[l]; });
}
MAQUE_INLINE F sqrt(F a) {
  return lanes<F>([&](int l) { return __builtin_sqrtf(a.v[l]); });
}
MAQUE_INLINE F abs(F a) {
  return lanes<F>([&](int l) { return __builtin_fabsf(a.v[l]); });
}
MAQUE_INLINE F negate(F a) {
  return lanes<F>([&](int l) { return -a.v[l]; });
}

MAQUE_INLINE M operator<(F a, F b) {
  return lanes<M>([&](int l) { return a.v[l] < b.v[l]; });
}
MAQUE_INLINE M operator<=(F a, F b) {
  return lanes<M>([&](int l) { return a.v[l] <= b.v[l]; });
}
MAQUE_INLINE M operator>(F a, F b) { return b < a; }
MAQUE_INLINE M operator>=(F a, F b) { return b <= a; }
MAQUE_INLINE M operator==(F a, F b) {
  return lanes<M>([&](int l) { return a.v[l] == b.v[l]; });
}
MAQUE_INLINE M operator&(M a, M b) {
  return lanes<M>([&](int l) { return a.v[l] && b.v[l]; });
}
MAQUE_INLINE M operator|(M a, M b) {
  return lanes<M>([&](int l) { return a.v[l] || b.v[l]; });
}
MAQUE_INLINE bool any(M m) {
  bool r = false;
  for (int l = 0; l < 16; ++l) r = r || m.v[l];
  return r;
}
MAQUE_INLINE F select(M m, F a, F b) {
  return lanes<F>([&](int l) { return m.v[l] ? a.v[l] : b.v[l]; });
}
MAQUE_INLINE I select(M m, I a, I b) {
  return lanes<I>([&](int l) { return m.v[l] ? a.v[l] : b.v[l]; });
}

MAQUE_INLINE I bits(F a) {
  I r;
  __builtin_memcpy(r.v, a.v, sizeof a.v);
  return r;
}
MAQUE_INLINE F floats(I a) {
  F r;
  __builtin_memcpy(r.v, a.v, sizeof a.v);
  return r;
}
MAQUE_INLINE F to_float(I a) {
  return lanes<F>([&](int l) { return static_cast<float>(a.v[l]); });
}

MAQUE_INLINE I operator+(I a, I b) {
  return lanes<I>([&](int l) { return wrap(word(a.v[l]) + word(b.v[l])); });
}
MAQUE_INLINE I operator-(I a, I b) {
  return lanes<I>([&](int l) { return wrap(word(a.v[l]) - word(b.v[l])); });
}
MAQUE_INLINE I operator&(I a, I b) {
  return lanes<I>([&](int l) { return a.v[l] & b.v[l]; });
}
MAQUE_INLINE I operator|(I a, I b) {
  return lanes<I>([&](int l) { return a.v[l] | b.v[l]; });
}
MAQUE_INLINE I operator^(I a, I b) {
  return lanes<I>([&](int l) { return a.v[l] ^ b.v[l]; });
}
MAQUE_INLINE M operator==(I a, I b) {
  return lanes<M>([&](int l) { return a.v[l] == b.v[l]; });
}
MAQUE_INLINE M below(I a, I b) {
  return lanes<M>([&](int l) { return word(a.v[l]) < word(b.v[l]); });
}
template <int N>
MAQUE_INLINE I shift_left(I a) {
  return lanes<I>([&](int l) { return wrap(word(a.v[l]) << N); });
}
template <int N>
MAQUE_INLINE I shift_right(I a) {
  return lanes<I>([&](int l) { return wrap(word(a.v[l]) >> N); });
}
template <int N>
MAQUE_INLINE I shift_right_signed(I a) {
  return lanes<I>([&](int l) { return a.v[l] >> N; });
}
MAQUE_INLINE void mul_wide(I a, I b, I* high, I* low) {
  for (int l = 0; l < 16; ++l) {
    const uint64_t product = static_cast<uint64_t>(word(a.v[l])) * word(b.v[l]);
    high->v[l] = wrap(static_cast<uint32_t>(product >> 32));
    low->v[l] = wrap(static_cast<uint32_t>(product));
  }
}

MAQUE_INLINE float sum(F a) {
  for (int half = 8; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) a.v[l] += a.v[l + half];
  }
  return a.v[0];
}
MAQUE_INLINE float reduce_max(F a) {
  for (int half = 8; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) a.v[l] = a.v[l] > a.v[l + half] ? a.v[l] : a.v[l + half];
  }
  return a.v[0];
}

/// rows[i] lane j <-> rows[j] lane i.
MAQUE_INLINE void transpose(F (&rows)[16]) {
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < i; ++j) {
      const float x = rows[i].v[j];
      rows[i].v[j] = rows[j].v[i];
      rows[j].v[i] = x;
    }
  }
}

}  // namespace maque::MAQUE_ISA
