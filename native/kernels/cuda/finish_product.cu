// The last step of a product whose sums another library has left in memory: an element for each thread.
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/gemm_result.h"

namespace maque::cuda {
namespace {

MAQUE_KERNEL(kElementThreads)
finish_elements(const float* sums, int64_t ld_sums, int64_t count, int64_t n, GemmResult r) {
  const int64_t e = element_index();
  if (e >= count) return;
  const int64_t i = e / n, j = e % n;
  put_result(r, i, j, sums[i * ld_sums + j]);
}

}  // namespace

Code finish_product(Stream stream, const float* sums, int64_t ld_sums, int64_t m, int64_t n,
                    const GemmResult& r) {
  if (m * n == 0) return kSuccess;
  return launch(over_elements("finish_product", m * n, stream), finish_elements, sums, ld_sums, m * n, n, r);
}

}  // namespace maque::cuda
