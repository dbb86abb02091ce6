#include "tests/cuda_emulation/hopper.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "kernels/bf16.h"

namespace maque::emulation {
namespace {

constexpr int32_t kSide = 64, kRowBytes = 128, kWarps = 32, kColumns = 128, kDepth = 16;
constexpr int32_t kPatience = 20000;  // turns of a thread that waits

/// How many arrivals of each warp are known to have happened.
using Clock = std::array<uint32_t, kWarps>;
void merge(const Clock& from, Clock* to) {
  for (size_t w = 0; w < from.size(); ++w) (*to)[w] = std::max((*to)[w], from[w]);
}

struct Copy {
  TileSource source;
  int32_t row, column;
  int64_t to;
};

struct Barrier {
  uint32_t arrivals = 0, missing = 0, phases = 0;  // phases that are over
  int64_t bytes = 0;                               // announced and not there
  bool fenced = false;
  Clock clock = {};
  std::vector<Copy> copies;
};

/// 128 bytes of a tile.
struct Row {
  enum Content : uint8_t { unwritten, in_flight, landed };
  Content content = unwritten;
  int64_t barrier = 0;  // by which it came, in which phase
  uint32_t phase = 0;
  uint32_t readers = 0;    // warps whose products in flight read it
  Clock read_before = {};  // each warp's arrival that comes after its reads
};

struct Watcher {
  Clock clock = {};
  std::map<int64_t, uint32_t> seen;  // of each barrier, phases known to be over
};

/// Addresses of the elements of both factors that a warp reads.
struct Product {
  std::array<cuda::FragmentC*, 32> c;
  std::vector<int64_t> a, b;  // [row or column][k]
};

struct Warp {
  bool fenced = false;
  std::vector<Product> open;
  std::deque<std::vector<Product>> groups;
};

/// What belongs to the block that runs.
struct BlockState {
  int64_t launch = -1, block = -1;
  std::map<int64_t, Barrier> barriers;
  std::map<int64_t, Row> rows;
  std::map<int32_t, Watcher> threads;
  std::array<Warp, kWarps> warps;
  Clock arrived = {};
};
BlockState& state() {
  static BlockState s;
  if (s.launch != counts().launches || s.block != counts().blocks) {
    s = BlockState{};
    s.launch = counts().launches, s.block = counts().blocks;
  }
  return s;
}
Watcher& me() { return state().threads[self().thread]; }
size_t my_warp() { return static_cast<size_t>(self().thread / cuda::kWarp); }

Barrier& barrier_at(int64_t offset, Place place) {
  read_shared(offset, 8, place);
  const auto found = state().barriers.find(offset);
  if (found == state().barriers.end()) fail("uses a barrier that has not been initialised", place);
  return found->second;
}

int64_t swizzled(int64_t address) { return address ^ ((address >> 7 & 7) << 4); }

void end_phase_if_done(Barrier* b) {
  if (b->missing != 0 || b->bytes != 0) return;
  ++b->phases;
  b->missing = b->arrivals;
}

/// All copies that are under way to a barrier arrive.
void land(int64_t offset, Barrier* b) {
  for (const Copy& copy : b->copies) {
    for (int32_t r = 0; r < kSide; ++r) {
      for (int32_t c = 0; c < kSide; ++c) {
        const int64_t row = copy.row + r, column = copy.column + c;
        const bool inside = row < copy.source.rows && column < copy.source.columns;
        const uint16_t value = inside ? copy.source.base[row * copy.source.ld + column] : uint16_t{0};
        std::memcpy(shared_memory() + swizzled(copy.to + r * kRowBytes + 2 * c), &value, sizeof value);
      }
      Row* at = &state().rows[copy.to / kRowBytes + r];
      at->content = Row::landed;
      at->barrier = offset;
      at->phase = b->phases;
    }
    b->bytes -= kSide * kRowBytes;
  }
  const bool any = !b->copies.empty();
  b->copies.clear();
  if (any) end_phase_if_done(b);
}

/// Byte of element (x, k) of a factor.
int64_t address_of(TileFactor f, int64_t x, int64_t k) {
  if (f.across_k) return swizzled(f.offset + x / kSide * kSide * kRowBytes + k * kRowBytes + x % kSide * 2);
  return swizzled(f.offset + x * kRowBytes + 2 * k);
}

float half_at(int64_t address) {
  uint16_t half;
  std::memcpy(&half, shared_memory() + address, sizeof half);
  return from_bf16(half);
}

struct Call {
  cuda::FragmentC* c;
  TileFactor a, b;
};

/// What a warp is about to read is there, and its threads know it.
void check_row(const Row& row, Place place) {
  if (row.content == Row::unwritten) fail("multiplies a tile that nobody has copied", place);
  const int32_t first = static_cast<int32_t>(my_warp()) * cuda::kWarp;
  for (int32_t l = 0; l < cuda::kWarp; ++l) {
    const uint32_t seen = state().threads[first + l].seen[row.barrier];
    if (row.content == Row::in_flight || seen <= row.phase)
      fail("multiplies a tile without having waited for its copy", place);
  }
}

void issue(void* const* payloads, uint32_t, Place place) {
  const Call& first = *static_cast<Call*>(payloads[0]);
  Warp& warp = state().warps[my_warp()];
  if (!warp.fenced) fail("multiplies onto sums that have not been fenced", place);
  Product product;
  for (size_t l = 0; l < product.c.size(); ++l) {
    const Call& call = *static_cast<Call*>(payloads[l]);
    if (call.a.offset != first.a.offset || call.b.offset != first.b.offset)
      fail("multiplies other tiles than the rest of its warp", place);
    product.c[l] = call.c;
  }
  const int64_t x0 = static_cast<int64_t>(my_warp() % 4) * 16;
  for (int64_t x = 0; x < 16; ++x) {
    for (int64_t k = 0; k < kDepth; ++k) product.a.push_back(address_of(first.a, x0 + x, k));
  }
  for (int64_t x = 0; x < kColumns; ++x) {
    for (int64_t k = 0; k < kDepth; ++k) product.b.push_back(address_of(first.b, x, k));
  }
  for (const auto* addresses : {&product.a, &product.b}) {
    int64_t last = -1;
    for (const int64_t address : *addresses) {
      if (address / kRowBytes == last) continue;
      last = address / kRowBytes;
      Row& row = state().rows[last];
      if ((row.readers >> my_warp() & 1u) == 0) check_row(row, place);
      row.readers |= 1u << my_warp();
    }
  }
  warp.open.push_back(std::move(product));
}

/// C += A B, k after k, as the emulated mma.sync does it.
void multiply(const Product& p) {
  for (size_t x = 0; x < 16; ++x) {
    for (size_t j = 0; j < kColumns; ++j) {
      float* sum = &p.c[x % 8 * 4 + j % 8 / 2][j / 8].c[x / 8 * 2 + j % 2];
      for (size_t k = 0; k < kDepth; ++k)
        *sum = __builtin_fmaf(half_at(p.a[x * kDepth + k]), half_at(p.b[j * kDepth + k]), *sum);
    }
  }
}

/// Rows that no product in flight reads any more are free after the warp's next arrival.
void release_rows() {
  Warp& warp = state().warps[my_warp()];
  std::map<int64_t, bool> still;
  for (const auto& group : warp.groups) {
    for (const Product& p : group) {
      for (const auto* addresses : {&p.a, &p.b}) {
        for (const int64_t address : *addresses) still[address / kRowBytes] = true;
      }
    }
  }
  for (auto& [at, row] : state().rows) {
    if ((row.readers >> my_warp() & 1u) == 0 || still.count(at) != 0) continue;
    row.readers &= ~(1u << my_warp());
    row.read_before[my_warp()] = state().arrived[my_warp()] + 1;
  }
}

}  // namespace

void init_barrier(int64_t offset, uint32_t arrivals, Place place) {
  write_shared(offset, 8, place);
  Barrier& b = state().barriers[offset];
  b.arrivals = b.missing = arrivals;
}

void fence_barriers() {
  for (auto& [offset, barrier] : state().barriers) barrier.fenced = true;
}

void arrive(int64_t offset, int64_t bytes, Place place) {
  Barrier& b = barrier_at(offset, place);
  if (b.missing == 0) fail("arrives at a barrier that waits for nobody more", place);
  ++state().arrived[my_warp()];
  Watcher& watcher = me();
  watcher.clock[my_warp()] = state().arrived[my_warp()];
  merge(watcher.clock, &b.clock);
  --b.missing;
  b.bytes += bytes;
  end_phase_if_done(&b);
}

void wait_barrier(int64_t offset, uint32_t parity, Place place) {
  for (int32_t turn = 0; turn < kPatience; ++turn) {
    Barrier& b = barrier_at(offset, place);
    if (b.phases % 2 != parity) {
      merge(b.clock, &me().clock);
      me().seen[offset] = b.phases;
      return;
    }
    yield();
    land(offset, &state().barriers[offset]);
  }
  fail("waits for a phase of a barrier that never ends", place);
}

void start_tile(const TileSource& source, int32_t row, int32_t column, int64_t to, int64_t barrier,
                Place place) {
  Barrier& b = barrier_at(barrier, place);
  if (!b.fenced) fail("names a barrier that the copy engine has not been told of", place);
  if (to % 1024 != 0) fail("copies a tile to no multiple of 1,024 bytes", place);
  for (int32_t r = 0; r < kSide; ++r) {
    Row& at = state().rows[to / kRowBytes + r];
    if (at.content == Row::in_flight) fail("copies a tile over one that is under way", place);
    if (at.readers != 0) fail("copies a tile over one that products in flight read", place);
    for (size_t w = 0; w < kWarps; ++w) {
      if (me().clock[w] < at.read_before[w])
        fail("copies a tile over one without having waited for warp " + std::to_string(w) +
                 ", which has read it",
             place);
    }
    at.content = Row::in_flight;
  }
  std::memset(shared_memory() + to, 0xFF, kSide * kRowBytes);
  b.copies.push_back({source, row, column, to});
}

void begin_group(Place place) {
  int nothing = 0;
  warp_call(
      "begin_products", cuda::kFullWarp, &nothing,
      [](void* const*, uint32_t, Place) { state().warps[my_warp()].fenced = true; }, place);
}

void start_product(cuda::FragmentC* c, TileFactor a, TileFactor b, Place place) {
  Call call = {c, a, b};
  warp_call("multiply_tiles", cuda::kFullWarp, &call, issue, place);
}

void commit_group(Place place) {
  int nothing = 0;
  warp_call(
      "commit_products", cuda::kFullWarp, &nothing,
      [](void* const*, uint32_t, Place) {
        Warp& warp = state().warps[my_warp()];
        warp.groups.push_back(std::move(warp.open));
        warp.open.clear();
        warp.fenced = false;
      },
      place);
}

void wait_groups(int32_t but, Place place) {
  warp_call(
      "wait_products", cuda::kFullWarp, &but,
      [](void* const* payloads, uint32_t, Place) {
        Warp& warp = state().warps[my_warp()];
        while (warp.groups.size() > static_cast<size_t>(*static_cast<int32_t*>(payloads[0]))) {
          for (const Product& p : warp.groups.front()) multiply(p);
          warp.groups.pop_front();
        }
        release_rows();
      },
      place);
}

}  // namespace maque::emulation
