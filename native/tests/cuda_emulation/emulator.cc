#include "tests/cuda_emulation/emulator.h"

#include <boost/context/detail/fcontext.hpp>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#  include <sanitizer/asan_interface.h>
#  include <sanitizer/common_interface_defs.h>
#endif

namespace maque::emulation {
namespace {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStackBytes = 256 * 1024;
void start_switch(void** fake, const void* stack, size_t bytes) {
  __sanitizer_start_switch_fiber(fake, stack, bytes);
}
void finish_switch(void* fake, const void** stack, size_t* bytes) {
  __sanitizer_finish_switch_fiber(fake, stack, bytes);
}
/// Forgets the frames of a thread that was never finished.
void clean_stack(char* stack) { __asan_unpoison_memory_region(stack, kStackBytes); }
#else
constexpr size_t kStackBytes = 64 * 1024;
void start_switch(void**, const void*, size_t) {}
void finish_switch(void*, const void**, size_t*) {}
void clean_stack(char*) {}
#endif

/// A generator of its own for the order of threads (splitmix64).
class Order {
 public:
  explicit Order(uint64_t seed) : state_(seed) {}
  size_t below(size_t n) {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<size_t>((z ^ (z >> 31)) % n);
  }

 private:
  uint64_t state_;
};

enum class State { ready, at_barrier, at_warp, at_blocks, finished };

/// Two bytes of shared memory: who wrote and who read them last, and between which barriers.
struct Cell {
  enum Content : uint8_t { unwritten, written, in_flight };
  static constexpr int32_t kNobody = -1, kSeveral = -2;
  Content content = unwritten;
  int32_t writer = kNobody, reader = kNobody, reader_warp = kNobody;  // kSeveral: more than one
  uint32_t write_phase = 0, write_warp_phase = 0, read_phase = 0, read_warp_phase = 0;
};

struct Copy {
  int64_t offset;
  const void* from;
  int32_t valid;
};

struct Block;

struct Thread {
  Identity identity;
  Block* block = nullptr;
  fcontext_t context = nullptr;
  void* fake_stack = nullptr;
  std::unique_ptr<char, void (*)(void*)> stack{nullptr, std::free};
  State state = State::ready;
  const char* what = "";
  Place place = {"", 0};
  // In a call of its warp.
  uint32_t mask = 0;
  void* payload = nullptr;
  // Waiting for other blocks.
  const uint32_t* arrivals = nullptr;
  uint32_t target = 0;

  int64_t shared_taken = 0;
  std::vector<Copy> open;
  std::deque<std::vector<Copy>> groups;
};

struct Block {
  int32_t x, y, z;
  std::vector<Thread> threads;
  std::unique_ptr<unsigned char, void (*)(void*)> shared{nullptr, std::free};
  int64_t shared_bytes = 0;
  std::vector<Cell> cells;
  uint32_t phase = 1;
  std::vector<uint32_t> warp_phase;
  size_t waiting = 0;
};

struct Machine {
  Device device;
  Counts counts = {};
  uint64_t seed = 0;
  std::string mistake;
  const cuda::Launch* launch = nullptr;
  void (*body)(const void*) = nullptr;
  const void* args = nullptr;
  Order order{0};
  std::vector<Block> blocks;
  std::vector<Thread*> ready;
  Thread* running = nullptr;
  fcontext_t scheduler = nullptr;
  const void* scheduler_stack = nullptr;
  size_t scheduler_bytes = 0;
};
Machine& machine() {
  static Machine m;
  return m;
}

std::string told(Place place) {
  const char* slash = std::strrchr(place.file, '/');
  return std::string(slash != nullptr ? slash + 1 : place.file) + ":" + std::to_string(place.line);
}

std::string told(const Thread& t) {
  std::string block = std::to_string(t.identity.block_x);
  if (t.identity.block_y != 0 || t.identity.block_z != 0)
    block += "," + std::to_string(t.identity.block_y) + "," + std::to_string(t.identity.block_z);
  return "thread " + std::to_string(t.identity.thread) + " of block " + block;
}

std::string doing(const Thread& t) {
  if (t.state == State::finished) return "has left the kernel";
  if (t.state == State::ready) return "runs";
  return std::string("waits at ") + t.what + " in " + told(t.place);
}

void record(const std::string& what) {
  Machine& m = machine();
  if (m.mistake.empty()) m.mistake = std::string("kernel ") + m.launch->name + ": " + what;
}

/// From a thread to the scheduler; last: the thread never comes back.
void leave(bool last) {
  Machine& m = machine();
  Thread* t = m.running;
  start_switch(last ? nullptr : &t->fake_stack, m.scheduler_stack, m.scheduler_bytes);
  m.scheduler = jump_fcontext(m.scheduler, nullptr).fctx;
  finish_switch(t->fake_stack, &m.scheduler_stack, &m.scheduler_bytes);
}

void wait_in(State state, const char* what, Place place) {
  Thread* t = machine().running;
  t->state = state;
  t->what = what;
  t->place = place;
  leave(false);
}

void make_ready(Thread* t) {
  t->state = State::ready;
  machine().ready.push_back(t);
}

void enter(transfer_t from) {
  Machine& m = machine();
  m.scheduler = from.fctx;
  finish_switch(nullptr, &m.scheduler_stack, &m.scheduler_bytes);
  m.body(m.args);
  Thread* t = m.running;
  if (!t->open.empty() || !t->groups.empty()) record(told(*t) + " leaves with copy_async in flight");
  t->state = State::finished;
  leave(true);
}

void resume(Thread* t) {
  Machine& m = machine();
  ++m.counts.switches;
  m.running = t;
  void* fake = nullptr;
  start_switch(&fake, t->stack.get(), kStackBytes);
  t->context = jump_fcontext(t->context, nullptr).fctx;
  finish_switch(fake, nullptr, nullptr);
  m.running = nullptr;
}

/// A fresh block at the given place, in storage that an earlier one may have left.
void start_block(Block* b, int32_t x, int32_t y, int32_t z) {
  Machine& m = machine();
  ++m.counts.blocks;
  const size_t threads = m.launch->threads;
  b->x = x, b->y = y, b->z = z;
  b->threads.resize(threads);
  b->phase = 1;
  b->waiting = 0;
  b->warp_phase.assign((threads + 31) / 32, 1);
  b->shared_bytes = m.launch->shared_bytes;
  const auto bytes = static_cast<size_t>(b->shared_bytes);
  if (b->shared == nullptr) b->shared.reset(static_cast<unsigned char*>(std::aligned_alloc(16, bytes + 16)));
  std::memset(b->shared.get(), 0xFF, bytes);  // NaN in fp32 and in bf16
  b->cells.assign((bytes + 1) / 2, Cell{});
  for (size_t i = 0; i < threads; ++i) {
    Thread& t = b->threads[i];
    t.identity = {static_cast<int32_t>(i),
                  static_cast<int32_t>(threads),
                  x,
                  y,
                  z,
                  static_cast<int32_t>(m.launch->grid.x)};
    t.block = b;
    t.state = State::ready;
    t.shared_taken = 0;
    t.open.clear();
    t.groups.clear();
    t.fake_stack = nullptr;
    if (t.stack == nullptr) t.stack.reset(static_cast<char*>(std::aligned_alloc(64, kStackBytes)));
    clean_stack(t.stack.get());
    t.context = make_fcontext(t.stack.get() + kStackBytes, kStackBytes, enter);
    m.ready.push_back(&t);
  }
}

/// Nobody can go on: who waits for whom.
void tell_stall(const Block& b) {
  for (const Thread& t : b.threads) {
    if (t.state != State::at_barrier && t.state != State::at_warp) continue;
    for (const Thread& other : b.threads) {
      const bool named =
          t.state == State::at_barrier || (other.identity.thread / 32 == t.identity.thread / 32 &&
                                           (t.mask >> (other.identity.thread % 32) & 1u) != 0);
      const bool together = other.state == t.state && other.place.line == t.place.line;
      if (named && !together) {
        record(told(t) + " " + doing(t) + ", but " + told(other) + " " + doing(other));
        return;
      }
    }
  }
}

/// Drawn by the seed; with every third seed the one that became ready last, so that a thread, its warp and
/// its block run ahead of the others as far as they can.
Thread* next_thread() {
  Machine& m = machine();
  if (m.seed % 3 != 2) std::swap(m.ready[m.order.below(m.ready.size())], m.ready.back());
  Thread* t = m.ready.back();
  m.ready.pop_back();
  return t;
}

/// Runs the threads that are ready until all have finished, or one is at fault.
void run_threads(size_t blocks) {
  Machine& m = machine();
  while (m.mistake.empty() && !m.ready.empty()) {
    resume(next_thread());
  }
  for (size_t i = 0; i < blocks && m.mistake.empty(); ++i) {
    for (const Thread& t : m.blocks[i].threads) {
      if (t.state == State::at_blocks) {
        record(told(t) + " " + doing(t) + " for " + std::to_string(t.target) +
               " arrivals, of which there are " + std::to_string(*t.arrivals));
      }
    }
  }
  for (size_t i = 0; i < blocks && m.mistake.empty(); ++i) tell_stall(m.blocks[i]);
  m.ready.clear();
}

/// x, y, z of every block of the grid, shuffled.
std::vector<Identity> shuffled_grid(const cuda::Grid& grid) {
  std::vector<Identity> all;
  for (uint32_t z = 0; z < grid.z; ++z) {
    for (uint32_t y = 0; y < grid.y; ++y) {
      for (uint32_t x = 0; x < grid.x; ++x)
        all.push_back({0, 0, static_cast<int32_t>(x), static_cast<int32_t>(y), static_cast<int32_t>(z), 0});
    }
  }
  for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[machine().order.below(i)]);
  return all;
}

bool launch_is_valid(const cuda::Launch& launch) {
  const int64_t blocks = static_cast<int64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
  const bool threads = launch.threads > 0 && launch.threads <= 1024 && launch.threads % 32 == 0;
  const bool grid = blocks > 0 && launch.grid.y <= 65535 && launch.grid.z <= 65535;
  return threads && grid && launch.shared_bytes >= 0 &&
         launch.shared_bytes <= machine().device.shared_per_block;
}

/// Checks one access of `bytes` and returns the cells that it covers.
struct Span {
  size_t begin, end;
};
Span span_of(int64_t offset, int64_t bytes) {
  return {static_cast<size_t>(offset / 2), static_cast<size_t>((offset + bytes + 1) / 2)};
}

/// Another thread than t acted on the cell with no barrier since.
bool races(const Thread& t, int32_t other, int32_t other_warp, uint32_t phase, uint32_t warp_phase) {
  const Block& b = *t.block;
  if (other == Cell::kNobody || other == t.identity.thread || phase != b.phase) return false;
  const int32_t warp = t.identity.thread / 32;
  return other_warp != warp || warp_phase == b.warp_phase[static_cast<size_t>(warp)];
}

void check_against_writer(const Thread& t, const Cell& c, const char* verb, Place place) {
  if (races(t, c.writer, c.writer / 32, c.write_phase, c.write_warp_phase)) {
    fail(std::string(verb) + " shared memory that thread " + std::to_string(c.writer) +
             " writes, with no barrier between",
         place);
  }
}

void mark_written(const Thread& t, Cell* c) {
  c->content = Cell::written;
  c->writer = t.identity.thread;
  c->write_phase = t.block->phase;
  c->write_warp_phase = t.block->warp_phase[static_cast<size_t>(t.identity.thread / 32)];
}

void mark_read(const Thread& t, Cell* c) {
  const int32_t warp = t.identity.thread / 32;
  const bool first = c->read_phase != t.block->phase || c->reader == Cell::kNobody;
  c->reader = first || c->reader == t.identity.thread ? t.identity.thread : Cell::kSeveral;
  c->reader_warp = first || c->reader_warp == warp ? warp : Cell::kSeveral;
  c->read_phase = t.block->phase;
  c->read_warp_phase = t.block->warp_phase[static_cast<size_t>(warp)];
}

void check_write(const Thread& t, const Cell& c, Place place) {
  if (c.content == Cell::in_flight)
    fail("writes shared memory that a copy_async fills, before wait_async", place);
  check_against_writer(t, c, "writes", place);
  if (races(t, c.reader, c.reader_warp, c.read_phase, c.read_warp_phase)) {
    fail("writes shared memory that " +
             (c.reader >= 0 ? "thread " + std::to_string(c.reader) : std::string("other threads")) +
             " read, with no barrier between",
         place);
  }
}

/// Puts the bytes of a copy in place.
void finish_copy(const Thread& t, const Copy& copy) {
  unsigned char* to = t.block->shared.get() + copy.offset;
  std::memset(to, 0, 16);
  std::memcpy(to, copy.from, static_cast<size_t>(copy.valid));
  const Span span = span_of(copy.offset, 16);
  for (size_t i = span.begin; i < span.end; ++i) mark_written(t, &t.block->cells[i]);
}

}  // namespace

Device& device() { return machine().device; }

int64_t resident_blocks(uint32_t threads, int64_t shared_bytes) {
  const Device& d = machine().device;
  int64_t each = d.threads_per_multiprocessor / static_cast<int64_t>(threads);
  if (each > d.blocks_per_multiprocessor) each = d.blocks_per_multiprocessor;
  const int64_t by_memory =
      d.shared_per_multiprocessor / (shared_bytes + 1024);  // the system takes 1 KB of each
  return (each < by_memory ? each : by_memory) * d.multiprocessors;
}

void set_seed(uint64_t seed) { machine().seed = seed; }
const std::string& mistake() { return machine().mistake; }
const Counts& counts() { return machine().counts; }
const Identity& self() { return machine().running->identity; }

cuda::Code check(const cuda::Launch& launch) {
  machine().mistake.clear();
  if (!launch_is_valid(launch)) return cuda::kInvalidValue;
  const int64_t blocks = static_cast<int64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
  const bool fits = !launch.cooperative || blocks <= resident_blocks(launch.threads, launch.shared_bytes);
  return fits ? cuda::kSuccess : cuda::kCooperativeLaunchTooLarge;
}

cuda::Code run(const cuda::Launch& launch, void (*body)(const void*), const void* args) {
  Machine& m = machine();
  m.mistake.clear();
  const int64_t blocks = static_cast<int64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
  ++m.counts.launches;
  m.launch = &launch, m.body = body, m.args = args;
  m.order = Order(m.seed);
  const size_t alive = launch.cooperative ? static_cast<size_t>(blocks) : 1;
  m.blocks.clear();
  m.blocks.resize(alive);
  size_t next = 0;
  for (const Identity& at : shuffled_grid(launch.grid)) {
    start_block(&m.blocks[next % alive], at.block_x, at.block_y, at.block_z);
    if (++next % alive != 0) continue;
    run_threads(alive);
    if (!m.mistake.empty()) break;
  }
  m.launch = nullptr;
  return m.mistake.empty() ? cuda::kSuccess : cuda::kLaunchFailure;
}

void fail(std::string what, Place place) {
  record(told(*machine().running) + " " + what + ", in " + told(place));
  std::string().swap(what);  // the frame is left for good
  leave(true);
  std::abort();  // the scheduler resumes nobody after a mistake
}

void barrier(Place place) {
  Thread* t = machine().running;
  Block* b = t->block;
  for (const Thread& other : b->threads) {
    if (other.state == State::at_barrier && other.place.line != place.line)
      fail("waits at a barrier, but " + told(other) + " " + doing(other), place);
  }
  if (++b->waiting < b->threads.size()) {
    wait_in(State::at_barrier, "a barrier", place);
    return;
  }
  b->waiting = 0;
  ++b->phase;
  for (Thread& other : b->threads) {
    if (other.state == State::at_barrier) make_ready(&other);
  }
  make_ready(t);
  leave(false);
}

void wait_for_arrivals(uint32_t* arrivals, uint32_t target, Place place) {
  Machine& m = machine();
  if (!m.launch->cooperative) fail("waits for other blocks of a grid that is not cooperative", place);
  if (*arrivals >= target) return;
  m.running->arrivals = arrivals;
  m.running->target = target;
  wait_in(State::at_blocks, "a barrier between blocks", place);
}

void yield() {
  Machine& m = machine();
  m.running->state = State::ready;
  m.ready.insert(m.ready.begin(), m.running);  // last also where the latest comes first
  leave(false);
}

unsigned char* shared_memory() { return machine().running->block->shared.get(); }

uint32_t add(uint32_t* x, uint32_t by) {
  Machine& m = machine();
  make_ready(m.running);  // others may come first
  leave(false);
  const uint32_t before = *x;
  *x += by;
  for (Block& b : m.blocks) {
    for (Thread& t : b.threads) {
      if (t.state == State::at_blocks && t.arrivals == x && *x >= t.target) make_ready(&t);
    }
  }
  return before;
}

void warp_call(const char* what, uint32_t mask, void* payload, Combine combine, Place place) {
  Machine& m = machine();
  Thread* t = m.running;
  const auto lane = static_cast<uint32_t>(t->identity.thread % 32);
  if ((mask >> lane & 1u) == 0)
    fail(std::string("calls ") + what + " with a mask that does not name it", place);
  Thread* warp = &t->block->threads[static_cast<size_t>(t->identity.thread / 32 * 32)];
  t->mask = mask, t->payload = payload;
  uint32_t arrived = 1u << lane;
  for (uint32_t l = 0; l < 32; ++l) {
    const Thread& other = warp[l];
    if (l == lane || (mask >> l & 1u) == 0) continue;
    if (other.state == State::finished)
      fail(std::string(what) + ": " + told(other) + " " + doing(other), place);
    if (other.state != State::at_warp) continue;
    if (other.what != what || other.mask != mask || other.place.line != place.line)
      fail(std::string(what) + " with another mask or in another place than " + told(other) + ", which " +
               doing(other),
           place);
    arrived |= 1u << l;
  }
  if (arrived != mask) {
    wait_in(State::at_warp, what, place);
    return;
  }
  void* payloads[32] = {};
  for (uint32_t l = 0; l < 32; ++l) {
    if ((mask >> l & 1u) != 0) payloads[l] = warp[l].payload;
  }
  combine(payloads, mask, place);
  for (uint32_t l = 0; l < 32; ++l) {
    if ((mask >> l & 1u) != 0) make_ready(&warp[l]);
  }
  leave(false);
}

void order_warp(Place place) {
  int nothing = 0;
  warp_call(
      "sync_warp", cuda::kFullWarp, &nothing,
      [](void* const*, uint32_t, Place) {
        const Thread* t = machine().running;
        ++t->block->warp_phase[static_cast<size_t>(t->identity.thread / 32)];
      },
      place);
}

int64_t take_shared(int64_t bytes, Place place) {
  Thread* t = machine().running;
  const int64_t offset = t->shared_taken;
  t->shared_taken += bytes;
  if (t->shared_taken > t->block->shared_bytes) {
    fail("takes " + std::to_string(t->shared_taken) + " bytes of shared memory, of which the launch gives " +
             std::to_string(t->block->shared_bytes),
         place);
  }
  return offset;
}

const void* read_shared(int64_t offset, int64_t bytes, Place place) {
  const Thread& t = *machine().running;
  const Span span = span_of(offset, bytes);
  for (size_t i = span.begin; i < span.end; ++i) {
    Cell* c = &t.block->cells[i];
    if (c->content == Cell::in_flight) fail("reads what a copy_async fills, before wait_async", place);
    if (c->content == Cell::unwritten) fail("reads shared memory that nobody has written", place);
    check_against_writer(t, *c, "reads", place);
    mark_read(t, c);
  }
  return t.block->shared.get() + offset;
}

void* write_shared(int64_t offset, int64_t bytes, Place place) {
  const Thread& t = *machine().running;
  const Span span = span_of(offset, bytes);
  for (size_t i = span.begin; i < span.end; ++i) {
    check_write(t, t.block->cells[i], place);
    mark_written(t, &t.block->cells[i]);
  }
  return t.block->shared.get() + offset;
}

void start_copy(int64_t offset, const void* from, int32_t valid, Place place) {
  Thread* t = machine().running;
  const bool aligned = offset % 16 == 0 && (valid == 0 || reinterpret_cast<uintptr_t>(from) % 16 == 0);
  if (!aligned) fail("copies between addresses that are no multiples of 16", place);
  if (valid < 0 || valid > 16) fail("copies " + std::to_string(valid) + " of 16 bytes", place);
  const Span span = span_of(offset, 16);
  for (size_t i = span.begin; i < span.end; ++i) {
    check_write(*t, t->block->cells[i], place);
    t->block->cells[i].content = Cell::in_flight;
  }
  std::memset(t->block->shared.get() + offset, 0xFF, 16);
  t->open.push_back({offset, from, valid});
}

void commit_copies() {
  Thread* t = machine().running;
  t->groups.push_back(std::move(t->open));
  t->open.clear();
}

void wait_copies(int32_t but) {
  Thread* t = machine().running;
  while (t->groups.size() > static_cast<size_t>(but)) {
    for (const Copy& copy : t->groups.front()) finish_copy(*t, copy);
    t->groups.pop_front();
  }
}

}  // namespace maque::emulation
