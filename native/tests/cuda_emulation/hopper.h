// What the emulator does beside the threads of a block: the copy engine, barriers of transactions and
// products of warps that go on while the threads do. Finds, besides what emulator.h lists:
//   - a tile that is multiplied, or a stage that is overwritten, by a thread that has not waited for the
//     barrier which says that it may (the wrong phase, or none);
//   - a tile copied over one that products in flight still read;
//   - a product whose sums have not been fenced, a barrier that the copy engine was not told of, a wait that
//     never ends, tiles that are not where the swizzle counts from.
// A copy lands as late as it may, a product is made when it is waited for. Tiles of plain grids only; they
// may not be touched by plain reads and writes besides.
#pragma once
#include "tests/cuda_emulation/emulator.h"

namespace maque::emulation {

/// A matrix of halves in "device memory".
struct TileSource {
  const uint16_t* base;
  int64_t rows, columns, ld;
};

void init_barrier(int64_t offset, uint32_t arrivals, Place place);
/// Of all that this thread has initialised.
void fence_barriers();
/// bytes: announced besides.
void arrive(int64_t offset, int64_t bytes, Place place);
void wait_barrier(int64_t offset, uint32_t parity, Place place);

void start_tile(const TileSource& source, int32_t row, int32_t column, int64_t to, int64_t barrier,
                Place place);

/// 16 of k of a factor: where they begin, and whether rows are k.
struct TileFactor {
  int64_t offset;
  bool across_k;
};
/// This warp's 16 rows of one product of four warps.
void begin_group(Place place);
void start_product(cuda::FragmentC* c, TileFactor a, TileFactor b, Place place);
void commit_group(Place place);
void wait_groups(int32_t but, Place place);

}  // namespace maque::emulation
