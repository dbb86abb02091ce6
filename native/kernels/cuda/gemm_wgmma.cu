// bf16 by wgmma: a block makes a 128 x 128 tile of C. Its last warp does nothing but ask the copy engine for
// tiles of A and B, 64 of k deep, into a ring of stages; two groups of four warps multiply 64 rows each. A
// stage is `full` when its bytes have come, and `free` when all eight warps have multiplied it.
//
// What a stage costs: 4 products of 64 x 128 x 16 a group, 64 cycles each, read 6 KB of shared memory, 96 of
// 128 bytes a cycle; the 32 KB of a stage come in 256 cycles of two such groups' work, 128 bytes a cycle from
// the second cache. Five stages hide about 1,000 cycles of latency. Not yet run on a GPU.
#include "kernels/cuda/gemm_result.h"
#include "kernels/cuda/gemm_wgmma.h"
#include "kernels/cuda/hopper.h"

namespace maque::cuda {
namespace {

constexpr int32_t kGroups = 2, kWarps = kGroups * kGroupThreads / kWarp, kThreads = (kWarps + 1) * kWarp;
constexpr int32_t kStages = 5, kDepth = kSide, kTile = kGroups * kSide;
constexpr int32_t kFactor = kTile / kSide * kTileElements, kStage = 2 * kFactor;
constexpr int64_t kBytes = shared_bytes<uint16_t>(kStages * kStage) + shared_bytes<uint64_t>(2 * kStages);

struct Ring {
  Shared<uint16_t> tiles;
  Barriers barriers;
  MAQUE_DEVICE static int32_t full(int64_t t) { return static_cast<int32_t>(t % kStages); }
  MAQUE_DEVICE static int32_t free(int64_t t) { return kStages + full(t); }
  MAQUE_DEVICE static uint32_t parity(int64_t t) { return static_cast<uint32_t>(t / kStages % 2); }
  MAQUE_DEVICE static int32_t a(int64_t t) { return full(t) * kStage; }
  MAQUE_DEVICE static int32_t b(int64_t t) { return a(t) + kFactor; }
};

/// Asks for the tiles of one factor: two of 64 x 64, of rows (or columns) from `first` on.
template <bool across_k>
MAQUE_DEVICE void load_factor(const TileMap& map, int32_t first, int32_t k, const Ring& ring, int32_t at,
                              int64_t t) {
  for (int32_t half = 0; half < kTile / kSide; ++half) {
    const int32_t x = first + half * kSide, to = at + half * kTileElements;
    load_tile(map, across_k ? k : x, across_k ? x : k, ring.tiles, to, ring.barriers, Ring::full(t));
  }
}

template <bool a_by_k, bool b_by_k>
MAQUE_DEVICE void load_stages(const TileMap& a, const TileMap& b, int64_t stages, const Ring& ring) {
  for (int64_t t = 0; t < stages; ++t) {
    if (t >= kStages) ring.barriers.wait(Ring::free(t), Ring::parity(t - kStages));
    ring.barriers.expect(Ring::full(t), kStage * sizeof(uint16_t));
    const auto k = static_cast<int32_t>(t * kDepth);
    load_factor<a_by_k>(a, block_x() * kTile, k, ring, Ring::a(t), t);
    load_factor<b_by_k>(b, block_y() * kTile, k, ring, Ring::b(t), t);
  }
}

/// The stages, one group of products behind the other: the one before is known to be over when the next has
/// been asked for.
template <bool a_by_k, bool b_by_k>
MAQUE_DEVICE void multiply_stages(int64_t stages, const Ring& ring, FragmentC (&c)[kTile / 8]) {
  const auto give_back = [&](int64_t t) {
    if (lane_id() == 0) ring.barriers.arrive(Ring::free(t));
  };
  const int32_t rows = warp_id() / (kGroupThreads / kWarp) * kTileElements;  // of A, 64 for each group
  constexpr int32_t kStepA = a_by_k ? 16 * kSide : 16, kStepB = b_by_k ? 16 * kSide : 16;
  for (int64_t t = 0; t < stages; ++t) {
    ring.barriers.wait(Ring::full(t), Ring::parity(t));
    begin_products();
    MAQUE_UNROLL
    for (int32_t step = 0; step < kDepth / 16; ++step) {
      multiply_tiles<a_by_k, b_by_k>(c, MatrixTile(ring.tiles, Ring::a(t) + rows + step * kStepA, a_by_k),
                                     MatrixTile(ring.tiles, Ring::b(t) + step * kStepB, b_by_k));
    }
    commit_products();
    wait_products<1>();
    if (t > 0) give_back(t - 1);
  }
  wait_products<0>();
}

template <bool a_by_k, bool b_by_k>
MAQUE_KERNEL(kThreads)
multiply_wgmma(MAQUE_GRID_CONSTANT TileMap a, MAQUE_GRID_CONSTANT TileMap b, int64_t m, int64_t n, int64_t k,
               GemmResult r) {
  SharedMemory memory;
  const Shared<uint16_t> tiles = memory.take<uint16_t>(kStages * kStage);
  const Ring ring = {tiles, Barriers(memory.take<uint64_t>(2 * kStages))};
  if (thread_x() == 0) {
    for (int32_t stage = 0; stage < kStages; ++stage) {
      ring.barriers.init(Ring::full(stage), 1);
      ring.barriers.init(Ring::free(stage), kWarps);
    }
    Barriers::fence();
  }
  sync_threads();  // the barriers are there
  const int64_t stages = divide_up(k, kDepth);
  if (warp_id() == kWarps) {
    if (lane_id() == 0) load_stages<a_by_k, b_by_k>(a, b, stages, ring);
    return;
  }

  const int64_t i0 = static_cast<int64_t>(block_x()) * kTile + warp_id() * 16 + lane_id() / 4;
  const int64_t j0 = static_cast<int64_t>(block_y()) * kTile + lane_id() % 4 * 2;
  FragmentC c[kTile / 8];
  MAQUE_UNROLL
  for (int32_t e = 0; e < kTile / 2; ++e) {
    const int64_t i = i0 + e % 4 / 2 * 8, j = j0 + e / 4 * 8 + e % 2;
    c[e / 4].c[e % 4] = i < m && j < n ? first_term(r, i, j) : 0.0f;
  }
  multiply_stages<a_by_k, b_by_k>(stages, ring, c);
  MAQUE_UNROLL
  for (int32_t e = 0; e < kTile / 2; ++e) {
    const int64_t i = i0 + e % 4 / 2 * 8, j = j0 + e / 4 * 8 + e % 2;
    if (i < m && j < n) put_result(r, i, j, c[e / 4].c[e % 4]);
  }
}

template <bool a_by_k, bool b_by_k>
Code launch_wgmma(Stream stream, const GemmBf16Factors& f, const GemmResult& r) {
  TileMap a, b;
  Code code = a_by_k ? make_tile_map(&a, f.a, f.k, f.m, f.lda) : make_tile_map(&a, f.a, f.m, f.k, f.lda);
  if (code == kSuccess)
    code = b_by_k ? make_tile_map(&b, f.b, f.k, f.n, f.ldb) : make_tile_map(&b, f.b, f.n, f.k, f.ldb);
  if (code != kSuccess) return code;
  const Launch shape = {
      "gemm_wgmma", {blocks_for(f.m, kTile), blocks_for(f.n, kTile), 1}, kThreads, kBytes, stream};
  return launch(shape, multiply_wgmma<a_by_k, b_by_k>, a, b, f.m, f.n, f.k, r);
}

}  // namespace

Code gemm_wgmma(Stream stream, const GemmBf16Factors& f, const GemmResult& r) {
  if (f.a_by_k)
    return f.b_by_column ? launch_wgmma<true, false>(stream, f, r) : launch_wgmma<true, true>(stream, f, r);
  return f.b_by_column ? launch_wgmma<false, false>(stream, f, r) : launch_wgmma<false, true>(stream, f, r);
}

}  // namespace maque::cuda
