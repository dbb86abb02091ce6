// kernels/cuda/hopper.h for the host's compiler: see tests/cuda_emulation/hopper.h.
#pragma once
#include "tests/cuda_emulation/hopper.h"

#define MAQUE_GRID_CONSTANT

namespace maque::cuda {

using TileMap = emulation::TileSource;

inline bool has_wgmma() { return compute_capability() == 90; }

inline Code make_tile_map(TileMap* map, const uint16_t* base, int64_t rows, int64_t columns, int64_t ld) {
  *map = {base, rows, columns, ld};
  const bool aligned = reinterpret_cast<uintptr_t>(base) % 16 == 0 && ld % 8 == 0;
  return aligned && rows > 0 && columns > 0 ? kSuccess : kInvalidValue;
}

class Barriers {
 public:
  explicit Barriers(Shared<uint64_t> words) : words_(words) {}
  void init(Index i, uint32_t arrivals) const { emulation::init_barrier(byte(i), arrivals, i.place); }
  static void fence() { emulation::fence_barriers(); }
  void arrive(Index i) const { emulation::arrive(byte(i), 0, i.place); }
  void expect(Index i, uint32_t bytes) const { emulation::arrive(byte(i), bytes, i.place); }
  void wait(Index i, uint32_t parity) const { emulation::wait_barrier(byte(i), parity, i.place); }
  int64_t byte(Index i) const { return words_.byte(i, 1); }

 private:
  Shared<uint64_t> words_;
};

inline void load_tile(const TileMap& map, int32_t row, int32_t column, const Shared<uint16_t>& to, Index i,
                      const Barriers& barriers, Index b) {
  emulation::start_tile(map, row, column, to.byte(i, kTileElements), barriers.byte(b), i.place);
}

struct MatrixTile : emulation::TileFactor {
  MatrixTile(const Shared<uint16_t>& from, Index at, bool rows_are_k)
      : emulation::TileFactor{from.byte(at, 16), rows_are_k} {}
};

inline void begin_products(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::begin_group({file, line});
}
inline void commit_products(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::commit_group({file, line});
}
template <int N>
void wait_products(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::wait_groups(N, {file, line});
}
template <bool a_across_k, bool b_across_k>
void multiply_tiles(FragmentC (&c)[kProductColumns / 8], const MatrixTile& a, const MatrixTile& b,
                    const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  static_assert(sizeof c == sizeof(FragmentC[16]), "128 columns");
  emulation::start_product(c, {a.offset, a_across_k}, {b.offset, b_across_k}, {file, line});
}

}  // namespace maque::cuda
