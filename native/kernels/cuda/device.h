// What kernels are written in. A .cu source includes this header and uses neither <<<>>>, extern __shared__,
// asm nor the compiler's own intrinsics: so the same source is compiled by nvcc for a GPU and by the host's
// compiler for tests/cuda_emulation, which checks what a GPU would pass over in silence.
//
//   MAQUE_KERNEL(threads) name(...)   a kernel of at most that many threads a block
//   MAQUE_DEVICE                      a function that kernels call
//   MAQUE_DEVICE_CALL                 the same, called rather than inlined: long, and used in unrolled loops
//   MAQUE_UNROLL                      before a loop over registers
//   launch(Launch, kernel, args...)   starts a kernel; the code that it answers is not the kernel's own
//   thread_x, threads_x, block_x/y/z, blocks_x, lane_id, warp_id
//   SharedMemory, Shared<T>           dynamic shared memory, cut into arrays in the order of the calls
//   sync_threads, sync_warp, sync_blocks
//   shuffle, shuffle_down, shuffle_xor, vote_any
//   atomic_add
//   copy_async, commit_async, wait_async<N>
//   load_matrix, load_matrix_transposed, multiply_add
//   pack_bf16, fast_exp2
//
// Arithmetic: nothing is fused but what is written as fma, division and square root are IEEE's, denormals are
// kept (nvcc -fmad=false and its defaults), so that kernels/math.h gives a CPU's bits on a GPU.
#pragma once
#ifdef __CUDACC__
#  include "kernels/cuda/device_cuda.h"
#else
#  include "tests/cuda_emulation/device_emulated.h"
#endif
