// kernels/cuda/device.h for nvcc.
#pragma once
#include <cuda_runtime_api.h>

#include "kernels/cuda/launch.h"

#define MAQUE_KERNEL(threads) __global__ void __launch_bounds__(threads)
#define MAQUE_DEVICE __device__ __forceinline__
#define MAQUE_DEVICE_CALL inline __device__ __noinline__
#define MAQUE_UNROLL _Pragma("unroll")

namespace maque::cuda {

// --- host
// -----------------------------------------------------------------------------------------------------------

template <class... P, class... A>
Code launch(const Launch& launch, void (*kernel)(P...), A... args) {
  void* values[] = {static_cast<void*>(&args)...};
  static_assert(sizeof...(P) == sizeof...(A), "one argument for each parameter");
  const auto entry = reinterpret_cast<const void*>(kernel);
  const auto bytes = static_cast<size_t>(launch.shared_bytes);
  if (launch.shared_bytes > kPlainSharedBytes) {
    const cudaError_t set = cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                 static_cast<int>(launch.shared_bytes));
    if (set != cudaSuccess) return set;
  }
  const dim3 grid(launch.grid.x, launch.grid.y, launch.grid.z), block(launch.threads);
  const auto stream = static_cast<cudaStream_t>(launch.stream);
  return launch.cooperative ? cudaLaunchCooperativeKernel(entry, grid, block, values, bytes, stream)
                            : cudaLaunchKernel(entry, grid, block, values, bytes, stream);
}

inline int32_t device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return 0;
  return cudaDeviceGetAttribute(&value, attribute, device) == cudaSuccess ? value : 0;
}

/// 10 * major + minor of the current device, 0 without one.
inline int32_t compute_capability() {
  return 10 * device_attribute(cudaDevAttrComputeCapabilityMajor) +
         device_attribute(cudaDevAttrComputeCapabilityMinor);
}
inline int32_t multiprocessors() { return device_attribute(cudaDevAttrMultiProcessorCount); }
inline int64_t largest_shared_bytes() { return device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin); }

/// Blocks of a kernel that the device holds at once.
template <class... P>
int64_t resident_blocks(void (*kernel)(P...), uint32_t threads, int64_t shared) {
  const auto entry = reinterpret_cast<const void*>(kernel);
  int each = 0;
  if (shared > kPlainSharedBytes && cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                         static_cast<int>(shared)) != cudaSuccess)
    return 0;
  if (cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, entry, static_cast<int>(threads),
                                                    static_cast<size_t>(shared)) != cudaSuccess)
    return 0;
  return static_cast<int64_t>(each) * multiprocessors();
}

inline Code set_zero(void* data, int64_t bytes, Stream stream) {
  return cudaMemsetAsync(data, 0, static_cast<size_t>(bytes), static_cast<cudaStream_t>(stream));
}

// --- where a thread is
// ----------------------------------------------------------------------------------------------

MAQUE_DEVICE int32_t thread_x() { return static_cast<int32_t>(threadIdx.x); }
MAQUE_DEVICE int32_t threads_x() { return static_cast<int32_t>(blockDim.x); }
MAQUE_DEVICE int32_t block_x() { return static_cast<int32_t>(blockIdx.x); }
MAQUE_DEVICE int32_t block_y() { return static_cast<int32_t>(blockIdx.y); }
MAQUE_DEVICE int32_t block_z() { return static_cast<int32_t>(blockIdx.z); }
MAQUE_DEVICE int32_t blocks_x() { return static_cast<int32_t>(gridDim.x); }
MAQUE_DEVICE int32_t lane_id() { return thread_x() % kWarp; }
MAQUE_DEVICE int32_t warp_id() { return thread_x() / kWarp; }

// --- shared memory
// --------------------------------------------------------------------------------------------------

template <class T>
struct Shared {
  T* data;
  MAQUE_DEVICE T& operator[](int32_t i) const { return data[i]; }
  /// The array from element i on.
  MAQUE_DEVICE Shared from(int32_t i) const { return {data + i}; }
  /// Elements i .. i + 3 of floats; i is a multiple of 4.
  MAQUE_DEVICE Float4 load4(int32_t i) const { return *reinterpret_cast<const Float4*>(data + i); }
  MAQUE_DEVICE void store4(int32_t i, Float4 x) const { *reinterpret_cast<Float4*>(data + i) = x; }
  MAQUE_DEVICE uint32_t address(int32_t i) const {
    return static_cast<uint32_t>(__cvta_generic_to_shared(data + i));
  }
};

class SharedMemory {
 public:
  MAQUE_DEVICE SharedMemory() {
    extern __shared__ __align__(1024) unsigned char dynamic_shared_memory[];
    next_ = dynamic_shared_memory;
  }
  template <class T>
  MAQUE_DEVICE Shared<T> take(int64_t n) {
    Shared<T> array = {reinterpret_cast<T*>(next_)};
    next_ += shared_bytes<T>(n);
    return array;
  }

 private:
  unsigned char* next_;
};

// --- waiting for each other
// -----------------------------------------------------------------------------------------

MAQUE_DEVICE void sync_threads() { __syncthreads(); }
MAQUE_DEVICE void sync_warp() { __syncwarp(); }

/// All threads of `parties` blocks of a cooperative grid wait for each other; what they wrote before is seen
/// after. arrivals: a counter that the blocks share, zero before the launch; round: 1, 2, 3, ...
MAQUE_DEVICE void sync_blocks(uint32_t* arrivals, uint32_t parties, uint32_t round) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    atomicAdd(arrivals, 1u);
    const volatile uint32_t* arrived = arrivals;
    while (*arrived < parties * round) {
    }
    __threadfence();
  }
  __syncthreads();
}

MAQUE_DEVICE uint32_t atomic_add(uint32_t* x, uint32_t by) { return atomicAdd(x, by); }

/// What other blocks wrote in this launch: read past the first cache, which does not hear of their writes.
MAQUE_DEVICE float load_fresh(const float* x) { return __ldcg(x); }

// --- between the lanes of a warp
// ------------------------------------------------------------------------------------

template <class T>
MAQUE_DEVICE T shuffle(T x, int32_t lane, int32_t width = kWarp, uint32_t mask = kFullWarp) {
  return __shfl_sync(mask, x, lane, width);
}
template <class T>
MAQUE_DEVICE T shuffle_down(T x, int32_t by, int32_t width = kWarp, uint32_t mask = kFullWarp) {
  return __shfl_down_sync(mask, x, static_cast<unsigned>(by), width);
}
template <class T>
MAQUE_DEVICE T shuffle_xor(T x, int32_t with, int32_t width = kWarp, uint32_t mask = kFullWarp) {
  return __shfl_xor_sync(mask, x, with, width);
}
MAQUE_DEVICE bool vote_any(bool x, uint32_t mask = kFullWarp) { return __any_sync(mask, x) != 0; }

// --- copies that do not wait (sm_80)
// --------------------------------------------------------------------------------

// Below sm_80 these trap: their launchers refuse such a device.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#  define MAQUE_SM_80(...) asm volatile(__VA_ARGS__)
#else
#  define MAQUE_SM_80(...) __trap()
#endif

/// 16 bytes from global memory to shared memory, of which the last 16 - valid are zeros, not read. Both
/// addresses are multiples of 16. There after wait_async, for other threads after a barrier on top.
template <class T>
MAQUE_DEVICE void copy_async(Shared<T> to, int32_t i, const T* from, int32_t valid) {
  MAQUE_SM_80("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to.address(i)), "l"(from), "r"(valid)
              : "memory");
}
/// Closes the group of the copies since the last one.
MAQUE_DEVICE void commit_async() { MAQUE_SM_80("cp.async.commit_group;\n" ::: "memory"); }
/// Waits for all groups but the latest N.
template <int N>
MAQUE_DEVICE void wait_async() {
  MAQUE_SM_80("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
}

// --- tensor cores (sm_80)
// -------------------------------------------------------------------------------------------

/// ldmatrix.x4: lane l names row l % 8 of 8x8 matrix l / 8 (8 elements of 16 bits at a multiple of 16 bytes);
/// word m of the result holds elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4 of matrix m.
MAQUE_DEVICE void load_matrix(uint32_t (&x)[4], Shared<uint16_t> from, int32_t i) {
  MAQUE_SM_80("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
              : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
              : "r"(from.address(i))
              : "memory");
}
/// The same of the transposed matrices: rows 2 (l % 4) and 2 (l % 4) + 1 of column l / 4.
MAQUE_DEVICE void load_matrix_transposed(uint32_t (&x)[4], Shared<uint16_t> from, int32_t i) {
  MAQUE_SM_80("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
              : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
              : "r"(from.address(i))
              : "memory");
}

/// C += A B, by the whole warp. In which order a sum is formed and how its steps round is the hardware's.
MAQUE_DEVICE void multiply_add(FragmentC& c, const FragmentA& a, const FragmentB& b) {
  MAQUE_SM_80(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(c.c[0]), "+f"(c.c[1]), "+f"(c.c[2]), "+f"(c.c[3])
      : "r"(a.a[0]), "r"(a.a[1]), "r"(a.a[2]), "r"(a.a[3]), "r"(b.b[0]), "r"(b.b[1]));
}

/// 2^x of the special unit, of a relative error below 2^-21; 0 for minus infinity.
MAQUE_DEVICE float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(y) : "f"(x));
  return y;
}

/// Two floats rounded to bf16 (nearest, ties to even), the first in the lower half.
MAQUE_DEVICE uint32_t pack_bf16(float low, float high) {
  uint32_t pair = 0;
  MAQUE_SM_80("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

#undef MAQUE_SM_80

}  // namespace maque::cuda
