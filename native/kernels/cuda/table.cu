// What libmaque_cuda gives out.
#include "kernels/cuda/cuda_list.h"

namespace maque::cuda {
namespace {

#define MAQUE_ENTRY(name) name,
const CudaKernels kernels = {MAQUE_CUDA_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace
}  // namespace maque::cuda

extern "C" __attribute__((visibility("default"))) const maque::cuda::CudaKernels* maque_cuda_kernels() {
  return &maque::cuda::kernels;
}
