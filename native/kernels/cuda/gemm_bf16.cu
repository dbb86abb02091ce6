// bf16 on tensor cores: a block makes a 128 x 128 tile of C, each of its 8 warps 64 x 32 of it. Tiles of A
// and B, 32 of k deep, come into a ring of three stages of shared memory by copies that do not wait.
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/gemm_result.h"
#include "kernels/cuda/gemm_wgmma.h"
#include "kernels/cuda/hopper.h"

namespace maque::cuda {
namespace {

constexpr int32_t kThreads = 256, kTile = 128, kDepth = 32, kStages = 3;
constexpr int32_t kWarpRows = 64, kWarpColumns = 32;  // of C, for one warp
constexpr int32_t kRowFragments = kWarpRows / 16, kColumnFragments = kWarpColumns / 8;

/// A factor's tile in shared memory: along k ([kTile][kDepth]) where its rows are contiguous in k, else
/// [kDepth][kTile]. Rows are 16 bytes longer than their contents, so that the 8 rows of a matrix lie in
/// different banks.
template <bool along_k>
struct Tiles {
  static constexpr int32_t kRow = (along_k ? kDepth : kTile) + 8, kRows = along_k ? kTile : kDepth;
  static constexpr int32_t kElements = kRows * kRow, kChunks = (along_k ? kDepth : kTile) / 8;
  const uint16_t* from;
  int64_t ld, k, size, first;

  /// Starts to copy the tile at k0.
  MAQUE_DEVICE void copy(int64_t k0, Shared<uint16_t> to) const {
    MAQUE_UNROLL
    for (int32_t e = 0; e < kRows * kChunks / kThreads; ++e) {
      const int32_t i = e * kThreads + thread_x(), row = i / kChunks, chunk = i % kChunks * 8;
      const int64_t at_row = (along_k ? first : k0) + row, at = (along_k ? k0 : first) + chunk;
      const int64_t rows = along_k ? size : k, elements = along_k ? k : size;
      const int64_t left = at_row < rows && at < elements ? elements - at : 0;
      const int32_t valid = left < 8 ? static_cast<int32_t>(2 * left) : 16;
      copy_async(to, row * kRow + chunk, valid > 0 ? from + at_row * ld + at : from, valid);
    }
  }

  /// Fragment of 16 rows of A from `x` on, at depth p.
  MAQUE_DEVICE static void load(Shared<uint16_t> tile, int32_t x, int32_t p, FragmentA* f) {
    const int32_t l = lane_id();
    if (along_k) {
      load_matrix(f->a, tile, (x + l % 16) * kRow + p + l / 16 * 8);
    } else {
      load_matrix_transposed(f->a, tile, (p + l / 16 * 8 + l % 8) * kRow + x + l / 8 % 2 * 8);
    }
  }

  /// Two fragments of 8 columns of B from `x` on.
  MAQUE_DEVICE static void load(Shared<uint16_t> tile, int32_t x, int32_t p, FragmentB (&f)[2]) {
    const int32_t l = lane_id(), half = l / 8 % 2 * 8, other = l / 16 * 8;
    uint32_t words[4];
    if (along_k) {
      load_matrix(words, tile, (x + other + l % 8) * kRow + p + half);
    } else {
      load_matrix_transposed(words, tile, (p + half + l % 8) * kRow + x + other);
    }
    f[0] = {{words[0], words[1]}};
    f[1] = {{words[2], words[3]}};
  }
};

/// The elements of C that a warp has in fragments.
struct WarpTile {
  FragmentC c[kRowFragments][kColumnFragments];

  /// f(row, column, element) for each; rows and columns count from the warp's corner.
  template <class F>
  MAQUE_DEVICE void each(const F& f) {
    const int32_t g = lane_id() / 4, t = lane_id() % 4;
    MAQUE_UNROLL
    for (int32_t i = 0; i < kRowFragments; ++i) {
      MAQUE_UNROLL
      for (int32_t j = 0; j < kColumnFragments; ++j) {
        MAQUE_UNROLL
        for (int32_t e = 0; e < 4; ++e) f(16 * i + g + e / 2 * 8, 8 * j + 2 * t + e % 2, &c[i][j].c[e]);
      }
    }
  }
};

template <class TilesA, class TilesB>
MAQUE_DEVICE void multiply_tiles(Shared<uint16_t> a, Shared<uint16_t> b, int32_t row, int32_t column,
                                 WarpTile* w) {
  MAQUE_UNROLL
  for (int32_t p = 0; p < kDepth; p += 16) {
    FragmentA fa[kRowFragments];
    FragmentB fb[kColumnFragments / 2][2];
    MAQUE_UNROLL
    for (int32_t i = 0; i < kRowFragments; ++i) TilesA::load(a, row + 16 * i, p, &fa[i]);
    MAQUE_UNROLL
    for (int32_t j = 0; j < kColumnFragments / 2; ++j) TilesB::load(b, column + 16 * j, p, fb[j]);
    MAQUE_UNROLL
    for (int32_t i = 0; i < kRowFragments; ++i) {
      MAQUE_UNROLL
      for (int32_t j = 0; j < kColumnFragments; ++j) multiply_add(w->c[i][j], fa[i], fb[j / 2][j % 2]);
    }
  }
}

template <bool a_by_k, bool b_by_column>
MAQUE_DEVICE void multiply_tile(const GemmBf16Factors& f, const GemmResult& r) {
  using TilesA = Tiles<!a_by_k>;
  using TilesB = Tiles<b_by_column>;
  SharedMemory memory;
  const Shared<uint16_t> ring_a = memory.take<uint16_t>(kStages * TilesA::kElements);
  const Shared<uint16_t> ring_b = memory.take<uint16_t>(kStages * TilesB::kElements);
  const int64_t i0 = static_cast<int64_t>(block_x()) * kTile, j0 = static_cast<int64_t>(block_y()) * kTile;
  const TilesA tiles_a = {f.a, f.lda, f.k, f.m, i0};
  const TilesB tiles_b = {f.b, f.ldb, f.k, f.n, j0};
  const auto stage_a = [&](int64_t t) {
    return ring_a.from(static_cast<int32_t>(t % kStages) * TilesA::kElements);
  };
  const auto stage_b = [&](int64_t t) {
    return ring_b.from(static_cast<int32_t>(t % kStages) * TilesB::kElements);
  };
  const int64_t tiles = divide_up(f.k, kDepth);
  const auto copy = [&](int64_t t) {  // an empty group past the end, so that counting groups counts tiles
    if (t < tiles) {
      tiles_a.copy(t * kDepth, stage_a(t));
      tiles_b.copy(t * kDepth, stage_b(t));
    }
    commit_async();
  };
  const int32_t row = warp_id() / 4 * kWarpRows, column = warp_id() % 4 * kWarpColumns;

  WarpTile w;
  w.each([&](int32_t i, int32_t j, float* sum) {
    const int64_t at_i = i0 + row + i, at_j = j0 + column + j;
    *sum = at_i < f.m && at_j < f.n ? first_term(r, at_i, at_j) : 0.0f;
  });
  for (int64_t t = 0; t < kStages - 1; ++t) copy(t);
  for (int64_t t = 0; t < tiles; ++t) {
    wait_async<kStages - 2>();
    sync_threads();  // tile t is there, and nobody reads tile t - 1 any more, whose stage the next copy takes
    copy(t + kStages - 1);
    multiply_tiles<TilesA, TilesB>(stage_a(t), stage_b(t), row, column, &w);
  }
  wait_async<0>();
  w.each([&](int32_t i, int32_t j, const float* sum) {
    const int64_t at_i = i0 + row + i, at_j = j0 + column + j;
    if (at_i < f.m && at_j < f.n) put_result(r, at_i, at_j, *sum);
  });
}

template <bool a_by_k, bool b_by_column>
MAQUE_KERNEL(kThreads)
multiply_bf16(GemmBf16Factors f, GemmResult r) {
  multiply_tile<a_by_k, b_by_column>(f, r);
}

/// The third dimension of the grid is the product's number; a smaller one leaves blocks without a tile.
MAQUE_KERNEL(kThreads) multiply_group_bf16(ProductGroup<GemmBf16Factors> group) {
  const GemmBf16Factors f = group.factors[block_z()];
  if (static_cast<int64_t>(block_x()) * kTile >= f.m || static_cast<int64_t>(block_y()) * kTile >= f.n)
    return;
  multiply_tile<true, false>(f, group.results[block_z()]);
}

template <bool a_by_k, bool b_by_column>
int64_t rings_bytes() {
  return shared_bytes<uint16_t>(kStages * Tiles<!a_by_k>::kElements) +
         shared_bytes<uint16_t>(kStages * Tiles<b_by_column>::kElements);
}

template <bool a_by_k, bool b_by_column>
Code launch_bf16(Stream stream, const GemmBf16Factors& f, const GemmResult& r) {
  const Launch shape = {"gemm_bf16",
                        {blocks_for(f.m, kTile), blocks_for(f.n, kTile), 1},
                        kThreads,
                        rings_bytes<a_by_k, b_by_column>(),
                        stream};
  return launch(shape, multiply_bf16<a_by_k, b_by_column>, f, r);
}

bool is_aligned(const void* p, int64_t ld) { return reinterpret_cast<uintptr_t>(p) % 16 == 0 && ld % 8 == 0; }

/// A thread a row's element, what fills the row included.
MAQUE_KERNEL(kElementThreads)
round_rows(const float* x, int64_t ldx, int64_t count, int64_t n, uint16_t* y, int64_t ldy) {
  const int64_t e = element_index();
  if (e >= count) return;
  const int64_t i = e / ldy, j = e % ldy;
  y[e] = j < n ? to_bf16(x[i * ldx + j]) : uint16_t{0};
}

}  // namespace

Code gemm_bf16(Stream stream, const GemmBf16Factors& f, const GemmResult& r) {
  if (f.m == 0 || f.n == 0) return kSuccess;
  if (compute_capability() < 80) return kInvalidDeviceFunction;
  if (!is_aligned(f.a, f.lda) || !is_aligned(f.b, f.ldb)) return kInvalidValue;
  if (has_wgmma() && f.k > 0) return gemm_wgmma(stream, f, r);
  if (f.a_by_k)
    return f.b_by_column ? launch_bf16<true, true>(stream, f, r) : launch_bf16<true, false>(stream, f, r);
  return f.b_by_column ? launch_bf16<false, true>(stream, f, r) : launch_bf16<false, false>(stream, f, r);
}

Code gemm_bf16_group(Stream stream, const ProductGroup<GemmBf16Factors>& group) {
  if (!is_group(group)) return kInvalidValue;
  for (int32_t i = 0; i < group.count; ++i) {
    const GemmBf16Factors& f = group.factors[i];
    const bool aligned = is_aligned(f.a, f.lda) && is_aligned(f.b, f.ldb);
    if (!aligned || !f.a_by_k || f.b_by_column) return kInvalidValue;
  }
  const Grid grid = grid_of(group, kTile);
  if (grid.x == 0 || grid.y == 0) return kSuccess;
  if (compute_capability() < 80) return kInvalidDeviceFunction;
  const Launch shape = {"gemm_bf16_group", grid, kThreads, rings_bytes<true, false>(), stream};
  return launch(shape, multiply_group_bf16, group);
}

Code round_to_bf16(Stream stream, const float* x, int64_t ldx, int64_t rows, int64_t n, uint16_t* y,
                   int64_t ldy) {
  if (rows * ldy == 0) return kSuccess;
  return launch(over_elements("round_to_bf16", rows * ldy, stream), round_rows, x, ldx, rows * ldy, n, y,
                ldy);
}

}  // namespace maque::cuda
