// The vector wrapper and the elementary functions: equal bits in every flavour, errors within the bounds of
// kernels/math.h, special values.
#include "kernels/math.h"

#include <algorithm>
#include <string>

#include "isa/lanes.h"
#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

namespace {

struct Lanes {
  const char* isa;
  MapFunction* map;
  ProbeFunction* probe;
};

/// emu first, then what this CPU has.
std::vector<Lanes> flavours() {
  std::vector<Lanes> all;
  for (const Kernels<float>* kernels : simd_flavours()) {
    const std::string isa = kernels->isa;
    if (isa == "emu") all.push_back({"emu", emu::map, emu::probe});
#define MAQUE_ADD(name) \
  if (isa == #name) all.push_back({#name, name::map, name::probe});
    MAQUE_FLAVOURS(MAQUE_ADD)
#undef MAQUE_ADD
  }
  return all;
}

float reference(Function f, float x) {
  switch (f) {
    case Function::exp:
      return math::exp(x);
    case Function::log:
      return math::log(x);
    case Function::sigmoid:
      return math::sigmoid(x);
    case Function::tanh:
      return math::tanh(x);
    case Function::gelu_erf:
      return math::activate(Activation::gelu_erf, x);
    case Function::gelu_tanh:
      return math::activate(Activation::gelu_tanh, x);
  }
  return x;
}

double exact(Function f, double x) {
  switch (f) {
    case Function::exp:
      return math::exp(x);
    case Function::log:
      return math::log(x);
    case Function::sigmoid:
      return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
    case Function::tanh:
      return math::tanh(x);
    case Function::gelu_erf:
      return math::activate(Activation::gelu_erf, x);
    case Function::gelu_tanh:
      return math::activate(Activation::gelu_tanh, x);
  }
  return x;
}

float float_of(uint32_t word) {
  float x;
  std::memcpy(&x, &word, 4);
  return x;
}

/// Every `stride`-th float of all signs and exponents, infinities and NaNs among them, cut to whole vectors.
std::vector<float> all_floats(uint64_t stride) {
  std::vector<float> x;
  for (uint64_t word = 0; word < uint64_t{1} << 32; word += stride)
    x.push_back(float_of(static_cast<uint32_t>(word)));
  while (x.size() % 16 != 0) x.push_back(0.0f);
  return x;
}

/// 4,096 neighbouring floats around each place where a function changes its formula or its result its kind.
std::vector<float> critical_floats() {
  std::vector<float> x;
  for (float centre : {0.0f, 0.625f, 0.70710678f, 1.0f, 1.41421356f, 5.75f, 9.0f, 17.0f, 87.33654f,
                       88.722839f, 89.0f, 103.278929f, 103.97208f, 104.0f, 1.17549435e-38f}) {
    uint32_t word;
    std::memcpy(&word, &centre, 4);
    for (uint32_t i = 0; i < 4096; ++i) {
      const float value = float_of(word + i - (word >= 2048 ? 2048 : 0));
      x.push_back(value);
      x.push_back(-value);
    }
  }
  return x;
}

/// |y - exact| in units of the last place of `exact` as a float; 0 where both overflow, infinity where only
/// one is NaN.
double ulps(float y, double exact) {
  constexpr double kOverflow = 3.4028235677973366e38;  // half an ULP above the largest float
  if (std::isnan(exact) || std::isnan(y)) return std::isnan(exact) && std::isnan(y) ? 0 : INFINITY;
  if (std::isinf(y)) return (y > 0 ? exact : -exact) > kOverflow * (1 - 1e-7) ? 0 : INFINITY;
  int exponent;
  std::frexp(exact, &exponent);
  return std::fabs(static_cast<double>(y) - exact) / std::ldexp(1.0, std::max(exponent, -125) - 24);
}

double worst_ulps(Function f, const std::vector<float>& x, const std::vector<float>& y) {
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, ulps(y[i], exact(f, static_cast<double>(x[i]))));
  return worst;
}

/// The bounds in kernels/math.h.
double bound(Function f) {
  return f == Function::exp || f == Function::log ? 1.0 : f == Function::sigmoid ? 2.5 : 2.0;
}

const char* name(Function f) {
  constexpr const char* kNames[] = {"exp", "log", "sigmoid", "tanh", "gelu_erf", "gelu_tanh"};
  return kNames[static_cast<int>(f)];
}

std::vector<float> apply(const Lanes& lanes, Function f, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  lanes.map(f, x.data(), static_cast<int64_t>(x.size()), y.data());
  return y;
}

}  // namespace

TEST(every_flavour_of_the_wrapper_does_the_same) {
  Random random(1);
  for (int64_t round = 0; round < 200; ++round) {
    auto floats = random.vector(256, -2.0f, 2.0f);
    // Equal values, zeros of both signs and integers of all sizes among them.
    floats[5] = floats[21], floats[6] = 0.0f, floats[22] = -0.0f;
    std::vector<int32_t> ints(32);
    for (int32_t& word : ints) word = static_cast<int32_t>(random.next() >> random.below(32));
    ints[3] = ints[19];
    const int64_t r = round % 17;
    std::vector<int32_t> expected(kProbeWords), got(kProbeWords);
    emu::probe(floats.data(), ints.data(), r, expected.data());
    for (const Lanes& lanes : flavours()) {
      lanes.probe(floats.data(), ints.data(), r, got.data());
      CHECK(got == expected);
    }
  }
}

TEST(sums_fold_the_upper_half_onto_the_lower) {
  Random random(2);
  const auto floats = random.vector(256);
  float fold[16];
  std::copy(floats.begin(), floats.begin() + 16, fold);
  for (int half : {8, 4, 2, 1}) {
    for (int l = 0; l < half; ++l) fold[l] = fold[l] + fold[l + half];
  }
  const std::vector<int32_t> ints(32);
  std::vector<int32_t> out(kProbeWords);
  emu::probe(floats.data(), ints.data(), 16, out.data());
  int32_t word;
  std::memcpy(&word, &fold[0], 4);
  CHECK(std::find(out.begin(), out.end(), word) != out.end());
}

TEST(functions_have_the_same_bits_in_every_flavour) {
  auto x = all_floats(8191);
  const auto critical = critical_floats();
  x.insert(x.end(), critical.begin(), critical.end());
  for (Function f : kFunctions) {
    std::vector<float> expected;
    for (float value : x) expected.push_back(reference(f, value));
    for (const Lanes& lanes : flavours()) {
      const std::string what = std::string(name(f)) + " " + lanes.isa;
      CHECK_BITS(apply(lanes, f, x).data(), expected.data(), static_cast<int64_t>(x.size()), what.c_str());
    }
  }
}

TEST(errors_are_within_the_stated_bounds) {
  auto x = all_floats(1021);
  const auto critical = critical_floats();
  x.insert(x.end(), critical.begin(), critical.end());
  const Lanes lanes = flavours().back();
  for (Function f : {Function::exp, Function::log, Function::sigmoid, Function::tanh}) {
    const double worst = worst_ulps(f, x, apply(lanes, f, x));
    std::printf("  %-8s worst error %.3f ULP, bound %.1f\n", name(f), worst, bound(f));
    CHECK_LE(worst, bound(f));
  }
}

TEST(gelu_is_within_its_bound) {
  std::vector<float> x;
  for (float value = -20.0f; value < 20.0f; value += 1.0f / 4096) x.push_back(value);
  const Lanes lanes = flavours().back();
  for (Function f : {Function::gelu_erf, Function::gelu_tanh}) {
    const auto y = apply(lanes, f, x);
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = std::fabs(static_cast<double>(y[i]) - exact(f, static_cast<double>(x[i])));
      worst = std::max(worst, error / std::max(1.0, std::fabs(static_cast<double>(x[i]))));
    }
    CHECK_LE(worst, 1e-6);
  }
}

TEST(special_values) {
  const float infinity = INFINITY, nan = NAN;
  CHECK(std::isnan(math::exp(nan)) && std::isnan(math::log(nan)) && std::isnan(math::tanh(nan)));
  CHECK(std::isnan(math::sigmoid(nan)));
  for (Activation act : {Activation::relu, Activation::tanh, Activation::gelu_erf, Activation::gelu_tanh}) {
    CHECK(std::isnan(math::activate(act, nan)));
  }
  CHECK_EQ(math::exp(-infinity), 0.0f);
  CHECK_EQ(math::exp(infinity), infinity);
  CHECK_EQ(math::exp(0.0f), 1.0f);
  CHECK_EQ(math::exp(-1e30f), 0.0f);
  CHECK_EQ(math::exp(-103.2f), float_of(1));  // the smallest subnormal
  CHECK_EQ(math::log(0.0f), -infinity);
  CHECK_EQ(math::log(-0.0f), -infinity);
  CHECK_EQ(math::log(infinity), infinity);
  CHECK_EQ(math::log(1.0f), 0.0f);
  CHECK(std::isnan(math::log(-1.0f)) && std::isnan(math::log(-infinity)));
  CHECK_EQ(math::sigmoid(-infinity), 0.0f);
  CHECK_EQ(math::sigmoid(infinity), 1.0f);
  CHECK_EQ(math::sigmoid(0.0f), 0.5f);
  CHECK_EQ(math::tanh(infinity), 1.0f);
  CHECK_EQ(math::tanh(-infinity), -1.0f);
  CHECK(math::tanh(-0.0f) == 0.0f && std::signbit(math::tanh(-0.0f)));
  for (Activation act : {Activation::gelu_erf, Activation::gelu_tanh}) {
    CHECK_EQ(math::activate(act, infinity), infinity);
    CHECK_EQ(math::activate(act, -0.0f), 0.0f);
  }
  CHECK_EQ(math::activate(Activation::relu, -3.0f), 0.0f);
}

TEST_MAIN
