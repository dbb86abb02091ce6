#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/memory.h"

namespace maque::cuda {
namespace {

MAQUE_KERNEL(kElementThreads) copy_elements(const float* x, int64_t n, float* y) {
  const int64_t i = element_index();
  if (i < n) y[i] = x[i];
}

}  // namespace

Code zero(Stream stream, float* x, int64_t n) {
  return n == 0 ? kSuccess : set_zero(x, n * static_cast<int64_t>(sizeof(float)), stream);
}

Code copy(Stream stream, const float* x, int64_t n, float* y) {
  if (n == 0) return kSuccess;
  return launch(over_elements("copy", n, stream), copy_elements, x, n, y);
}

}  // namespace maque::cuda
