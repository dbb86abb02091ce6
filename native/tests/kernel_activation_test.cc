// Activations and their derivatives: bits on every flavour, error against double.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

constexpr Activation kAll[] = {Activation::none, Activation::relu, Activation::tanh, Activation::gelu_erf,
                               Activation::gelu_tanh};

/// Values on all scales, with the special ones in front.
std::vector<float> inputs(int64_t n, bool finite) {
  Random random(static_cast<uint64_t>(n) + 7);
  std::vector<float> x = random.vector(n, -6.0f, 6.0f);
  for (size_t i = 0; i < x.size(); i += 3) x[i] *= std::ldexp(1.0f, static_cast<int>(random.below(24)) - 12);
  const float inf = HUGE_VALF;
  const float special[] = {0.0f, -0.0f, 1e-40f, -1e-40f, 30.0f, -30.0f, 1e4f, -1e4f, inf, -inf, NAN};
  for (size_t i = 0; i < (finite ? 8u : 11u) && i < x.size(); ++i) x[x.size() - 1 - i] = special[i];
  return x;
}

TEST(forward_and_backward_give_the_bits_of_ref) {
  for (int64_t n : row_sizes()) {
    const std::vector<float> x = inputs(n, false), dy = Random(3).vector(n);
    for (Activation act : kAll) {
      for (bool in_place : {false, true}) {
        check_flavours(
            [&](const auto& kernels) {
              using T = ScalarOf<decltype(kernels)>;
              Array<T> in(x), d_out(dy), y(n), dx(n);
              T* y_at = in_place ? in.data() : y.data();
              kernels.activation_backward(act, in.data(), d_out.data(), n,
                                          in_place ? d_out.data() : dx.data());
              kernels.activation_forward(act, in.data(), n, y_at);
              return collect<T>({&in, &d_out, &y, &dx});
            },
            "activation");
      }
    }
  }
}

TEST(errors_are_within_the_header_bound) {
  const int64_t n = 100000;
  const std::vector<float> x = inputs(n, true);
  for (Activation act : kAll) {
    const auto run = [&](const auto& kernels) {
      using T = ScalarOf<decltype(kernels)>;
      Array<T> in(x), one(n, T(1)), y(n), dx(n);
      kernels.activation_forward(act, in.data(), n, y.data());
      kernels.activation_backward(act, in.data(), one.data(), n, dx.data());
      return collect<T>({&y, &dx});
    };
    const std::vector<float> got = run(kernels_ref);
    const std::vector<double> truth = run(kernels_ref_double);
    double worst = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      const double scale = std::max(1.0, std::fabs(static_cast<double>(x[i % static_cast<size_t>(n)])));
      const double error = std::fabs(static_cast<double>(got[i]) - truth[i]) / scale;
      if (!(error <= worst)) worst = error;
    }
    CHECK_LE(worst, 1e-6);
  }
}

TEST(known_values) {
  const float x[3] = {1.0f, -1.0f, 0.5f};
  float y[3];
  kernels_ref.activation_forward(Activation::gelu_erf, x, 3, y);
  CHECK_LE(std::fabs(y[0] - 0.8413447f), 1e-6f);
  CHECK_LE(std::fabs(y[1] + 0.1586553f), 1e-6f);
  kernels_ref.activation_forward(Activation::gelu_tanh, x, 3, y);
  CHECK_LE(std::fabs(y[0] - 0.8411920f), 1e-6f);
  CHECK_LE(std::fabs(y[2] - 0.3457140f), 1e-6f);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
