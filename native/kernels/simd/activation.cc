#include "kernels/activation.h"

#include "kernels/activation_gradient.h"
#include "kernels/simd/rows.h"

namespace maque::MAQUE_ISA {

namespace {

template <Activation act>
void forward(const float* x, int64_t n, float* y) {
  for_lanes(n,
            [&](int64_t i, int64_t r) MAQUE_BODY { store(math::activate(act, load(x + i, r)), y + i, r); });
}

template <Activation act>
void backward(const float* x, const float* dy, int64_t n, float* dx) {
  for_lanes(n, [&](int64_t i, int64_t r) MAQUE_BODY {
    store(math::activation_gradient(act, load(x + i, r)) * load(dy + i, r), dx + i, r);
  });
}

}  // namespace

void activation_forward(Activation act, const float* x, int64_t n, float* y) {
  switch (act) {
    case Activation::none:
      return forward<Activation::none>(x, n, y);
    case Activation::relu:
      return forward<Activation::relu>(x, n, y);
    case Activation::tanh:
      return forward<Activation::tanh>(x, n, y);
    case Activation::gelu_erf:
      return forward<Activation::gelu_erf>(x, n, y);
    case Activation::gelu_tanh:
      return forward<Activation::gelu_tanh>(x, n, y);
  }
}

void activation_backward(Activation act, const float* x, const float* dy, int64_t n, float* dx) {
  switch (act) {
    case Activation::none:
      return backward<Activation::none>(x, dy, n, dx);
    case Activation::relu:
      return backward<Activation::relu>(x, dy, n, dx);
    case Activation::tanh:
      return backward<Activation::tanh>(x, dy, n, dx);
    case Activation::gelu_erf:
      return backward<Activation::gelu_erf>(x, dy, n, dx);
    case Activation::gelu_tanh:
      return backward<Activation::gelu_tanh>(x, dy, n, dx);
  }
}

}  // namespace maque::MAQUE_ISA
