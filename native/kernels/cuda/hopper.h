// What kernels for compute capability 9.0 are written in besides device.h (nvcc: sm_90a alone; elsewhere the
// calls trap, and has_wgmma() is false). Two things go on beside the threads here and are waited for:
//
//   copies     TileMap, make_tile_map (host); load_tile: 64 x 64 halves into shared memory, swizzled
//              Barriers: of transactions (mbarrier), by which a thread knows that a tile is there or free
//   products   MatrixTile: what of shared memory is multiplied; begin_products, multiply_tiles,
//              commit_products, wait_products<N>
//
// A tile [64 rows][64 columns] begins at a multiple of 1,024 bytes and has rows of 128 bytes, whose pieces of
// 16 bytes are exchanged: piece c of row r lies where piece c ^ (r % 8) would (the 128-byte swizzle), so that
// columns as well as rows are read without conflicts of banks.
#pragma once
#include "kernels/cuda/device.h"

namespace maque::cuda {

constexpr int32_t kSide = 64;                     // of a tile
constexpr int32_t kTileElements = kSide * kSide;  // 8,192 bytes
constexpr int32_t kGroupThreads = 128;  // that multiply together: four warps, the first a multiple of 4
constexpr int32_t kProductColumns = 128;

}  // namespace maque::cuda

#ifdef __CUDACC__
#  include "kernels/cuda/hopper_cuda.h"
#else
#  include "tests/cuda_emulation/hopper_emulated.h"
#endif
