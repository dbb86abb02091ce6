// A small test framework: checks that count themselves, deterministic random tensors, comparison by bits and
// by bound. A test file defines functions with TEST(name) and ends with TEST_MAIN.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "core/philox.h"
#include "kernels/dispatch.h"
#include "kernels/tables.h"
#ifdef MAQUE_TEST_DEVICE
#  include "tests/cuda/device/on_device.h"
#endif

namespace maque::test {

struct State {
  long checks = 0, failures = 0, skipped = 0;
};
inline State& state() {
  static State s;
  return s;
}

inline void check(bool ok, const char* what, const char* file, int line) {
  ++state().checks;
  if (ok) return;
  if (++state().failures <= 20) std::printf("%s:%d: failed: %s\n", file, line, what);
}

using TestFunction = void (*)();
struct TestCase {
  const char* name;
  TestFunction run;
};
inline std::vector<TestCase>& cases() {
  static std::vector<TestCase> all;
  return all;
}
struct Register {
  Register(const char* name, TestFunction run) { cases().push_back({name, run}); }
};

#define CHECK(condition) ::maque::test::check((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQ(a, b) ::maque::test::check((a) == (b), #a " == " #b, __FILE__, __LINE__)
/// NaN fails.
#define CHECK_LE(a, b) ::maque::test::check((a) <= (b), #a " <= " #b, __FILE__, __LINE__)
/// n floats with equal bits; prints the first that differ.
#define CHECK_BITS(a, b, n, what) ::maque::test::check_bits((a), (b), (n), (what), __FILE__, __LINE__)

#define TEST(name)                                                          \
  static void test_##name();                                                \
  static const ::maque::test::Register register_##name(#name, test_##name); \
  static void test_##name()

#ifdef MAQUE_TEST_DEVICE
#  define TEST_MAIN \
    int main() { return ::maque::test::run_on_device(::maque::test::run_all); }
/// A test that needs the emulator's help, left out on a real device.
#  define TEST_ON_EMULATION(name) [[maybe_unused]] static void test_##name()
#else
#  define TEST_MAIN \
    int main() { return ::maque::test::run_all(); }
#  define TEST_ON_EMULATION(name) TEST(name)
#endif

inline int run_all() {
  for (const TestCase& test : cases()) {
    const long before = state().failures;
    test.run();
    std::printf("%-40s %s\n", test.name, state().failures == before ? "ok" : "FAILED");
  }
  std::printf("%ld checks, %ld failures, %ld instruction sets skipped\n", state().checks, state().failures,
              state().skipped);
  return state().failures == 0 && state().checks > 0 ? 0 : 1;
}

inline void check_bits(const float* a, const float* b, int64_t n, const char* what, const char* file,
                       int line) {
  ++state().checks;
  for (int64_t i = 0; i < n; ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(float)) == 0 || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (++state().failures <= 20) {
      std::printf("%s:%d: %s: element %lld of %lld: %a (%g) and %a (%g)\n", file, line, what,
                  static_cast<long long>(i), static_cast<long long>(n), static_cast<double>(a[i]),
                  static_cast<double>(a[i]), static_cast<double>(b[i]), static_cast<double>(b[i]));
    }
    return;
  }
}

/// The flavours of a list of names beside ref: emu always, the others where the CPU has them. The missing
/// ones are counted as skipped where *counted is false, which becomes true.
template <class Table, size_t N>
std::vector<const Table*> present_flavours(const char* const (&names)[N], const Table* (*named)(const char*),
                                           bool* counted) {
  std::vector<const Table*> flavours = {named("emu")};
  for (const char* isa : names) {
    if (const Table* kernels = named(isa)) {
      flavours.push_back(kernels);
    } else if (!*counted) {
      std::printf("skipped: this CPU lacks %s (its source runs as emu)\n", isa);
      ++state().skipped;
    }
  }
  *counted = true;
  return flavours;
}

#ifdef MAQUE_TEST_CUDA
}  // namespace maque::test
#  include "tests/cuda/flavour.h"
namespace maque::test {
/// The GPU's kernels in their emulation (tests/cuda/flavour.h).
inline std::vector<const Kernels<float>*> simd_flavours() { return {&kernels_cuda_emulated}; }
#else
/// The flavours beside ref that must give its bits.
inline std::vector<const Kernels<float>*> simd_flavours() {
  static bool counted = false;
  return present_flavours(kFlavours, kernels_for, &counted);
}
#endif

/// Deterministic random numbers: Philox of a seed, in order.
class Random {
 public:
  explicit Random(uint64_t seed) : seed_(seed) {}

  uint32_t next() {
    if (used_ == 4) {
      const PhiloxBlock counter = {{static_cast<uint32_t>(q_), static_cast<uint32_t>(q_ >> 32), 0, 0}};
      block_ = philox4x32(counter, static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32));
      ++q_;
      used_ = 0;
    }
    return block_.word[used_++];
  }
  /// Uniform in [lo, hi); every value a float.
  float uniform(float lo, float hi) {
    return lo + (hi - lo) * (static_cast<float>(next() >> 8) * (1.0f / 16777216.0f));
  }
  /// Uniform in [0, n).
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  std::vector<float> vector(int64_t n, float lo = -1.0f, float hi = 1.0f) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = uniform(lo, hi);
    return v;
  }

 private:
  uint64_t seed_, q_ = 0;
  PhiloxBlock block_ = {};
  int used_ = 4;
};

inline std::vector<double> to_double(const std::vector<float>& v) { return {v.begin(), v.end()}; }

/// max |a[i] - b[i]|; NaN where either is NaN.
inline double max_error(const std::vector<float>& a, const std::vector<double>& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double error = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

/// A float vector with guard elements on both sides: out-of-range writes are found by intact().
class Guarded {
 public:
  explicit Guarded(int64_t n, float fill = 0.0f) : n_(n), all_(static_cast<size_t>(n + 2 * kGuard), kMark) {
    for (int64_t i = 0; i < n; ++i) data()[i] = fill;
  }
  float* data() { return all_.data() + kGuard; }
  bool intact() const {
    for (int64_t i = 0; i < kGuard; ++i) {
      if (all_[static_cast<size_t>(i)] != kMark || all_[static_cast<size_t>(n_ + kGuard + i)] != kMark)
        return false;
    }
    return true;
  }

 private:
  static constexpr int64_t kGuard = 64;
  static constexpr float kMark = -12345.678f;
  int64_t n_;
  std::vector<float> all_;
};

}  // namespace maque::test
