#include "kernels/activation_gradient.h"
#include "kernels/cuda/activation.h"
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/mask.h"

namespace maque::cuda {
namespace {

MAQUE_KERNEL(kElementThreads) activate_elements(Activation act, const float* x, int64_t n, float* y) {
  const int64_t i = element_index();
  if (i < n) y[i] = math::activate(act, x[i]);
}

MAQUE_KERNEL(kElementThreads)
activate_elements_backward(Activation act, const float* x, const float* dy, int64_t n, float* dx) {
  const int64_t i = element_index();
  if (i < n) dx[i] = math::activation_gradient(act, x[i]) * dy[i];
}

MAQUE_KERNEL(kElementThreads)
activate_biased(Activation act, const float* x, const float* bias, int64_t count, int64_t n, float* pre,
                float* y) {
  const int64_t i = element_index();
  if (i >= count) return;
  const float sum = x[i] + bias[i % n];
  if (pre != nullptr) pre[i] = sum;
  y[i] = math::activate(act, sum);
}

/// A thread draws one block of the generator: the elements 4 q .. 4 q + 3 of the mask.
MAQUE_KERNEL(kElementThreads) drop_elements(Mask mask, const float* x, int64_t n, float* y) {
  const uint64_t q = mask.key.offset / 4 + static_cast<uint64_t>(element_index());
  const PhiloxBlock block = dropout_block(mask.key, q);
  const auto first = static_cast<int64_t>(4 * q - mask.key.offset);
  MAQUE_UNROLL
  for (int32_t i = 0; i < 4; ++i) {
    const int64_t e = first + i;
    if (e >= 0 && e < n) y[e] = block.word[i] < mask.threshold ? 0.0f : x[e] * mask.kept;
  }
}

}  // namespace

Code activation_forward(Stream stream, Activation act, const float* x, int64_t n, float* y) {
  if (n == 0) return kSuccess;
  return launch(over_elements("activation_forward", n, stream), activate_elements, act, x, n, y);
}

Code activation_backward(Stream stream, Activation act, const float* x, const float* dy, int64_t n,
                         float* dx) {
  if (n == 0) return kSuccess;
  return launch(over_elements("activation_backward", n, stream), activate_elements_backward, act, x, dy, n,
                dx);
}

Code bias_activation_forward(Stream stream, Activation act, const float* x, const float* bias, int64_t rows,
                             int64_t n, float* pre_activation, float* y) {
  const int64_t count = rows * n;
  if (count == 0) return kSuccess;
  return launch(over_elements("bias_activation_forward", count, stream), activate_biased, act, x, bias, count,
                n, pre_activation, y);
}

Code dropout(Stream stream, const Dropout& dropout, const float* x, int64_t n, float* y) {
  if (n == 0) return kSuccess;
  const int64_t groups = divide_up(static_cast<int64_t>(dropout.offset % 4) + n, 4);
  return launch(over_elements("dropout", groups, stream), drop_elements, make_mask(dropout), x, n, y);
}

}  // namespace maque::cuda
