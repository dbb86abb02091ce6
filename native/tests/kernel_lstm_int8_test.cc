// The int8 LSTM step: the bounds of its sigmoid and tanh, and the arithmetic that its header states.
#include <algorithm>

#include "kernels/ref/lstm_int8.h"
#include "tests/kernel_test.h"

namespace maque::test {
namespace {

double tanh_of(float x) {
  const int8::Fraction<Scalar> f = int8::tanh(Scalar{x});
  return static_cast<double>(f.n.v / f.d.v);
}
double sigmoid_of(float x) {
  const int8::Fraction<Scalar> f = int8::sigmoid(Scalar{x});
  return static_cast<double>(f.n.v / f.d.v);
}

TEST(sigmoid_and_tanh_are_within_the_header_bounds) {
  double worst_tanh = 0, worst_sigmoid = 0;
  for (int32_t i = -400000; i <= 400000; ++i) {
    const float x = static_cast<float>(i) * 0x1p-14f;
    const double wide = static_cast<double>(x);
    worst_tanh = std::fmax(worst_tanh, std::fabs(tanh_of(x) - std::tanh(wide)));
    worst_sigmoid = std::fmax(worst_sigmoid, std::fabs(sigmoid_of(x) - 1 / (1 + std::exp(-wide))));
  }
  CHECK_LE(worst_tanh, 8.3e-6);
  CHECK_LE(worst_sigmoid, 4.3e-6);
  CHECK(worst_tanh > 7e-6 && worst_sigmoid > 3.5e-6);  // the bounds are not idle
}

TEST(sigmoid_and_tanh_at_the_ends) {
  for (float x : {100.0f, 3e38f, INFINITY, NAN}) {
    CHECK_EQ(tanh_of(x), tanh_of(6));
    CHECK_EQ(sigmoid_of(x), sigmoid_of(12));
  }
  for (float x : {-100.0f, -3e38f, -INFINITY}) {
    CHECK_EQ(tanh_of(x), tanh_of(-6));
    CHECK_EQ(sigmoid_of(x), sigmoid_of(-12));
  }
  CHECK_EQ(tanh_of(0), 0.0);
  CHECK_EQ(sigmoid_of(0), 0.5);
  CHECK_LE(tanh_of(6), 1.0);
  CHECK_LE(0.0, sigmoid_of(-12));
}

TEST(sigmoid_is_tanh_of_half_the_argument) {
  for (int32_t i = -250000; i <= 250000; ++i) {
    const float x = static_cast<float>(i) * 0x1p-14f;
    const int8::Fraction<Scalar> t = int8::tanh(Scalar{x / 2}), s = int8::sigmoid(Scalar{x});
    CHECK_EQ((t.d.v + t.n.v) / (t.d.v + t.d.v), s.n.v / s.d.v);
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
