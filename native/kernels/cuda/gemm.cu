// fp32: a block makes a tile of C, its threads 4 x 4 (or 8 x 8) elements each in registers. Tiles of A and B
// go through shared memory, 16 of k at a time, the next being read while the present one is multiplied.
#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/gemm_result.h"

namespace maque::cuda {
namespace {

constexpr int32_t kThreads = 256, kDepth = 16, kPad = 4;

/// One factor's tiles: element (p, x) of the factor at from[p * k_stride + x * stride], kept as
/// [kDepth][kTile + kPad].
template <int32_t kTile>
struct TileReader {
  static constexpr int32_t kEach = kTile * kDepth / kThreads, kRow = kTile + kPad;
  const float* from;
  int64_t k_stride, stride, k, size, first;

  /// Place e of this thread: neighbouring threads read neighbouring elements.
  MAQUE_DEVICE void place(int32_t e, int32_t* p, int32_t* x) const {
    const int32_t i = e * kThreads + thread_x();
    *p = k_stride == 1 ? i % kDepth : i / kTile;
    *x = k_stride == 1 ? i / kDepth : i % kTile;
  }
  MAQUE_DEVICE void read(int64_t k0, float (&values)[kEach]) const {
    MAQUE_UNROLL
    for (int32_t e = 0; e < kEach; ++e) {
      int32_t p, x;
      place(e, &p, &x);
      const bool inside = k0 + p < k && first + x < size;
      values[e] = inside ? from[(k0 + p) * k_stride + (first + x) * stride] : 0.0f;
    }
  }
  MAQUE_DEVICE void keep(const float (&values)[kEach], Shared<float> tile) const {
    MAQUE_UNROLL
    for (int32_t e = 0; e < kEach; ++e) {
      int32_t p, x;
      place(e, &p, &x);
      tile[p * kRow + x] = values[e];
    }
  }
};

/// The elements of a tile of 64 * kGroups rows (or columns) that a thread of 16 has: 4 of each 64.
template <int32_t kGroups>
MAQUE_DEVICE void load_strip(Shared<float> row, int32_t place, float (&values)[4 * kGroups]) {
  MAQUE_UNROLL
  for (int32_t g = 0; g < kGroups; ++g) {
    const Float4 four = row.load4(64 * g + 4 * place);
    values[4 * g] = four.x;
    values[4 * g + 1] = four.y;
    values[4 * g + 2] = four.z;
    values[4 * g + 3] = four.w;
  }
}

MAQUE_DEVICE int64_t strip_element(int32_t place, int32_t e) { return 64 * (e / 4) + 4 * place + e % 4; }

template <int32_t kGroups>
MAQUE_DEVICE void multiply_row(Shared<float> a, Shared<float> b, float (&sums)[4 * kGroups][4 * kGroups]) {
  float x[4 * kGroups], y[4 * kGroups];
  load_strip<kGroups>(a, thread_x() / 16, x);
  load_strip<kGroups>(b, thread_x() % 16, y);
  MAQUE_UNROLL
  for (int32_t i = 0; i < 4 * kGroups; ++i) {
    MAQUE_UNROLL
    for (int32_t j = 0; j < 4 * kGroups; ++j) sums[i][j] = math::fma(x[i], y[j], sums[i][j]);
  }
}

/// A tile of 64 * kGroups by 64 * kGroups.
template <int32_t kGroups>
MAQUE_DEVICE void multiply_tile(const GemmFactors& f, const GemmResult& r) {
  constexpr int32_t kTile = 64 * kGroups, kEach = 4 * kGroups, kRow = kTile + kPad;
  SharedMemory memory;
  const Shared<float> a = memory.take<float>(2 * kDepth * kRow), b = memory.take<float>(2 * kDepth * kRow);
  const int64_t i0 = static_cast<int64_t>(block_x()) * kTile, j0 = static_cast<int64_t>(block_y()) * kTile;
  const TileReader<kTile> read_a = {f.a, f.a_k_stride, f.a_row_stride, f.k, f.m, i0};
  const TileReader<kTile> read_b = {f.b, f.b_k_stride, f.b_col_stride, f.k, f.n, j0};
  const int32_t row = thread_x() / 16, column = thread_x() % 16;

  float sums[kEach][kEach];
  MAQUE_UNROLL
  for (int32_t i = 0; i < kEach; ++i) {
    MAQUE_UNROLL
    for (int32_t j = 0; j < kEach; ++j) {
      const int64_t at_i = i0 + strip_element(row, i), at_j = j0 + strip_element(column, j);
      sums[i][j] = at_i < f.m && at_j < f.n ? first_term(r, at_i, at_j) : 0.0f;
    }
  }

  float next_a[TileReader<kTile>::kEach], next_b[TileReader<kTile>::kEach];
  read_a.read(0, next_a);
  read_b.read(0, next_b);
  int32_t half = 0;
  for (int64_t k0 = 0; k0 < f.k; k0 += kDepth, half ^= 1) {
    const Shared<float> tile_a = a.from(half * kDepth * kRow), tile_b = b.from(half * kDepth * kRow);
    read_a.keep(next_a, tile_a);
    read_b.keep(next_b, tile_b);
    sync_threads();  // the half before this one is read to its end by then: one barrier a step is enough
    if (k0 + kDepth < f.k) {
      read_a.read(k0 + kDepth, next_a);
      read_b.read(k0 + kDepth, next_b);
    }
    if (k0 + kDepth <= f.k) {
      MAQUE_UNROLL
      for (int32_t p = 0; p < kDepth; ++p)
        multiply_row<kGroups>(tile_a.from(p * kRow), tile_b.from(p * kRow), sums);
    } else {  // zeros would turn a sum of -0 into 0
      for (int32_t p = 0; k0 + p < f.k; ++p)
        multiply_row<kGroups>(tile_a.from(p * kRow), tile_b.from(p * kRow), sums);
    }
  }

  MAQUE_UNROLL
  for (int32_t i = 0; i < kEach; ++i) {
    MAQUE_UNROLL
    for (int32_t j = 0; j < kEach; ++j) {
      const int64_t at_i = i0 + strip_element(row, i), at_j = j0 + strip_element(column, j);
      if (at_i < f.m && at_j < f.n) put_result(r, at_i, at_j, sums[i][j]);
    }
  }
}

template <int32_t kGroups>
MAQUE_KERNEL(kThreads)
multiply(GemmFactors f, GemmResult r) {
  multiply_tile<kGroups>(f, r);
}

/// The third dimension of the grid is the product's number; a smaller one leaves blocks without a tile.
template <int32_t kGroups>
MAQUE_KERNEL(kThreads)
multiply_group(ProductGroup<GemmFactors> group) {
  constexpr int32_t kTile = 64 * kGroups;
  const GemmFactors f = group.factors[block_z()];
  if (static_cast<int64_t>(block_x()) * kTile >= f.m || static_cast<int64_t>(block_y()) * kTile >= f.n)
    return;
  multiply_tile<kGroups>(f, group.results[block_z()]);
}

template <int32_t kGroups>
int64_t tiles_bytes() {
  return 2 * shared_bytes<float>(2 * kDepth * (64 * kGroups + kPad));
}

template <int32_t kGroups>
Code launch_tiles(Stream stream, const GemmFactors& f, const GemmResult& r) {
  constexpr int32_t kTile = 64 * kGroups;
  const Launch shape = {
      "gemm", {blocks_for(f.m, kTile), blocks_for(f.n, kTile), 1}, kThreads, tiles_bytes<kGroups>(), stream};
  return launch(shape, multiply<kGroups>, f, r);
}

template <int32_t kGroups>
Code launch_group(Stream stream, const ProductGroup<GemmFactors>& group) {
  const Launch shape = {"gemm_group", grid_of(group, 64 * kGroups), kThreads, tiles_bytes<kGroups>(), stream};
  return launch(shape, multiply_group<kGroups>, group);
}

}  // namespace

Code gemm(Stream stream, const GemmFactors& f, const GemmResult& r) {
  if (f.m == 0 || f.n == 0) return kSuccess;
  // Large tiles read less; small ones keep more of the device at work.
  const bool large = divide_up(f.m, 128) * divide_up(f.n, 128) >= multiprocessors();
  return large ? launch_tiles<2>(stream, f, r) : launch_tiles<1>(stream, f, r);
}

Code gemm_group(Stream stream, const ProductGroup<GemmFactors>& group) {
  if (!is_group(group)) return kInvalidValue;
  int64_t tiles = 0;
  for (int32_t i = 0; i < group.count; ++i)
    tiles += divide_up(group.factors[i].m, 128) * divide_up(group.factors[i].n, 128);
  if (tiles == 0) return kSuccess;
  return tiles >= multiprocessors() ? launch_group<2>(stream, group) : launch_group<1>(stream, group);
}

}  // namespace maque::cuda
