// The table of cuda_list.h.
#include "kernels/cuda/cuda_list.h"

namespace maque::cuda {

#define MAQUE_ENTRY(name) name,
const CudaKernels kCudaKernels = {MAQUE_CUDA_KERNELS(MAQUE_ENTRY)};
#undef MAQUE_ENTRY

}  // namespace maque::cuda
