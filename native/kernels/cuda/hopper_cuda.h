// kernels/cuda/hopper.h for nvcc.
#pragma once
#include <cuda.h>

#define MAQUE_GRID_CONSTANT const __grid_constant__

namespace maque::cuda {

// --- host
// -----------------------------------------------------------------------------------------------------------

/// A matrix of halves in global memory, for the copy engine.
using TileMap = CUtensorMap;

/// Whether this library has kernels for the present device that use this header.
inline bool has_wgmma() {
#ifdef MAQUE_HAS_SM_90A
  return compute_capability() == 90;
#else
  return false;
#endif
}

/// [rows, columns], both above 0, row stride ld; base and rows lie at multiples of 16 bytes.
inline Code make_tile_map(TileMap* map, const uint16_t* base, int64_t rows, int64_t columns, int64_t ld) {
  void* entry = nullptr;
  cudaDriverEntryPointQueryResult found;
  const cudaError_t code =
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found);
  if (code != cudaSuccess) return code;
  if (found != cudaDriverEntryPointSuccess) return kInvalidDeviceFunction;
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[1] = {static_cast<cuuint64_t>(2 * ld)};
  const cuuint32_t box[2] = {kSide, kSide}, steps[2] = {1, 1};
  const auto encode = reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(entry);
  const CUresult result =
      encode(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<uint16_t*>(base), sizes, strides, box,
             steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return result == CUDA_SUCCESS ? kSuccess : kInvalidValue;
}

// --- device
// ---------------------------------------------------------------------------------------------------------

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#  define MAQUE_SM_90A(...) asm volatile(__VA_ARGS__)
#else
#  define MAQUE_SM_90A(...) __trap()
#endif

/// Barriers of transactions in shared memory. A phase is over when all arrivals that were asked for, and all
/// bytes that were announced, have come.
class Barriers {
 public:
  MAQUE_DEVICE explicit Barriers(Shared<uint64_t> words) : words_(words) {}
  /// By one thread; fence() after the last, and sync_threads before others use them.
  MAQUE_DEVICE void init(int32_t i, uint32_t arrivals) const {
    MAQUE_SM_90A("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(words_.address(i)), "r"(arrivals)
                 : "memory");
  }
  MAQUE_DEVICE static void fence() { MAQUE_SM_90A("fence.mbarrier_init.release.cluster;\n" ::: "memory"); }
  MAQUE_DEVICE void arrive(int32_t i) const {
    MAQUE_SM_90A("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(words_.address(i)) : "memory");
  }
  /// Arrives, and announces bytes that copies will bring.
  MAQUE_DEVICE void expect(int32_t i, uint32_t bytes) const {
    MAQUE_SM_90A("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(words_.address(i)),
                 "r"(bytes)
                 : "memory");
  }
  /// Until the phase of that parity (0 for the first) is over.
  MAQUE_DEVICE void wait(int32_t i, uint32_t parity) const {
    uint32_t over = 0;
    while (over == 0) {
      MAQUE_SM_90A(
          "{\n.reg .pred p;\n"
          "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
          "selp.u32 %0, 1, 0, p;\n}\n"
          : "=r"(over)
          : "r"(words_.address(i)), "r"(parity)
          : "memory");
    }
  }
  MAQUE_DEVICE uint32_t address(int32_t i) const { return words_.address(i); }

 private:
  Shared<uint64_t> words_;
};

/// By one thread: starts to copy the tile whose first element is (row, column) to `to` from element i on;
/// what lies outside of the matrix becomes 0. Its 8,192 bytes come to barrier b.
MAQUE_DEVICE void load_tile(const TileMap& map, int32_t row, int32_t column, Shared<uint16_t> to, int32_t i,
                            const Barriers& barriers, int32_t b) {
  MAQUE_SM_90A(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], "
      "[%2];\n" ::"r"(to.address(i)),
      "l"(&map), "r"(barriers.address(b)), "r"(column), "r"(row)
      : "memory");
}

/// A factor of 16 of k, from element `at` of an array on. across_k: rows of its tiles are k (64 of the other
/// dimension each), 16 rows of each tile; else rows are the other dimension, tile after tile, and `at` is
/// advanced along them by the k that lie before.
struct MatrixTile {
  uint64_t word;
  MAQUE_DEVICE MatrixTile(Shared<uint16_t> from, int32_t at, bool across_k) {
    constexpr uint64_t kTileBytes = 2 * kTileElements, kEightRows = 1024, kSwizzle128 = 1;
    const uint64_t leading = across_k ? kTileBytes : 16;  // to the next 64; of no meaning otherwise
    word =
        (from.address(at) & 0x3FFFFu) >> 4 | leading >> 4 << 16 | kEightRows >> 4 << 32 | kSwizzle128 << 62;
  }
};

/// Before the first product, and after sums have been touched.
MAQUE_DEVICE void begin_products() { MAQUE_SM_90A("wgmma.fence.sync.aligned;\n" ::: "memory"); }
MAQUE_DEVICE void commit_products() { MAQUE_SM_90A("wgmma.commit_group.sync.aligned;\n" ::: "memory"); }
/// Waits for all groups of products but the latest N.
template <int N>
MAQUE_DEVICE void wait_products() {
  MAQUE_SM_90A("wgmma.wait_group.sync.aligned %0;\n" ::"n"(N) : "memory");
}

#define MAQUE_SUMS(i) "+f"(c[i].c[0]), "+f"(c[i].c[1]), "+f"(c[i].c[2]), "+f"(c[i].c[3])
/// C [64, 128] += A B, by four warps, each of which has 16 rows in the fragments of multiply_add.
template <bool a_across_k, bool b_across_k>
MAQUE_DEVICE void multiply_tiles(FragmentC (&c)[kProductColumns / 8], MatrixTile a, MatrixTile b) {
  MAQUE_SM_90A(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, 1, 1, 1, %66, %67;\n"
      : MAQUE_SUMS(0), MAQUE_SUMS(1), MAQUE_SUMS(2), MAQUE_SUMS(3), MAQUE_SUMS(4), MAQUE_SUMS(5),
        MAQUE_SUMS(6), MAQUE_SUMS(7), MAQUE_SUMS(8), MAQUE_SUMS(9), MAQUE_SUMS(10), MAQUE_SUMS(11),
        MAQUE_SUMS(12), MAQUE_SUMS(13), MAQUE_SUMS(14), MAQUE_SUMS(15)
      : "l"(a.word), "l"(b.word), "n"(a_across_k ? 1 : 0), "n"(b_across_k ? 1 : 0));
}
#undef MAQUE_SUMS
#undef MAQUE_SM_90A

}  // namespace maque::cuda
