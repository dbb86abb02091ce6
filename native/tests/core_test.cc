// Errors, memory, handles, workspaces, random numbers and the thread pool.
#include <atomic>
#include <string>
#include <thread>

#include "core/error.h"
#include "core/handle_table.h"
#include "core/memory.h"
#include "core/thread_pool.h"
#include "core/workspace_pool.h"
#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

// --- errors
// -----------------------------------------------------------------------------------------------------------

TEST(messages_are_formatted_and_cut) {
  CHECK_EQ(fail(kBadModel, "tensor %s: %d", "a.b", 7), kBadModel);
  CHECK_EQ(std::string(last_error()), std::string("tensor a.b: 7"));
  fail(kBadModel, "%s", std::string(2000, 'x').c_str());
  CHECK_EQ(std::string(last_error()), std::string(511, 'x'));
}

TEST(each_thread_has_its_own_message) {
  fail(kBadModel, "here");
  std::thread([] {
    CHECK_EQ(std::string(last_error()), std::string());
    fail(kBadModel, "there");
  }).join();
  CHECK_EQ(std::string(last_error()), std::string("here"));
}

TEST(copied_text_is_cut_between_characters) {
  char out[8];
  CHECK_EQ(copy_text("abc", out, 8), kOk);
  CHECK_EQ(std::string(out), std::string("abc"));
  CHECK_EQ(copy_text("abcdefghij", out, 4), kOk);
  CHECK_EQ(std::string(out), std::string("abc"));
  CHECK_EQ(copy_text("a\u9ebb\u96c0", out, 6), kOk);  // three bytes each: the second does not fit
  CHECK_EQ(std::string(out), std::string("a\u9ebb"));
  CHECK_EQ(copy_text("abc", out, 1), kOk);
  CHECK_EQ(std::string(out), std::string());
  CHECK_EQ(copy_text("abc", nullptr, 8), kInvalidArgument);
  CHECK_EQ(copy_text("abc", out, 0), kInvalidArgument);
}

// --- memory
// -----------------------------------------------------------------------------------------------------------

TEST(blocks_are_aligned_and_can_fail) {
  for (int64_t bytes : {0, 1, 63, 64, 65, 100000}) {
    void* block = allocate(bytes);
    CHECK(block != nullptr && reinterpret_cast<uintptr_t>(block) % 64 == 0);
    release(block);
  }
  // A large one begins where a large page can, and is whole.
  constexpr int64_t kLarge = (20 << 20) + 100, kHugePage = 2 << 20;
  auto* large = static_cast<char*>(allocate(kLarge));
  CHECK(large != nullptr && reinterpret_cast<uintptr_t>(large) % kHugePage == 0);
  large[0] = large[kLarge - 1] = 1;
  release(large);
  CHECK(allocate(-1) == nullptr);
  CHECK(allocate(INT64_MAX) == nullptr);
  CHECK(allocate(int64_t{1} << 60) == nullptr);
  release(nullptr);
}

TEST(buffers) {
  Buffer<float> buffer;
  CHECK(buffer.data() == nullptr && buffer.size() == 0);
  CHECK(buffer.allocate_zeroed(100) && buffer.size() == 100 && buffer[99] == 0.0f && buffer.bytes() == 400);
  float* data = buffer.data();
  CHECK(buffer.reserve(50) && buffer.data() == data && buffer.size() == 100);
  Buffer<float> other(static_cast<Buffer<float>&&>(buffer));
  CHECK(other.data() == data && buffer.data() == nullptr && buffer.size() == 0);
  buffer = static_cast<Buffer<float>&&>(other);
  CHECK(buffer.data() == data && other.data() == nullptr);
  CHECK(!buffer.allocate(INT64_MAX) && buffer.data() == nullptr && buffer.size() == 0);
  CHECK(!buffer.allocate(-1));
  CHECK(buffer.allocate(0) && buffer.size() == 0);
}

TEST(a_test_can_make_allocations_fail) {
  fail_allocations_after(1);
  void* first = allocate(8);
  CHECK(first != nullptr);
  CHECK(allocate(8) == nullptr && allocate(8) == nullptr);
  fail_allocations_after(-1);
  void* second = allocate(8);
  CHECK(second != nullptr);
  release(first);
  release(second);
}

// --- handles
// ----------------------------------------------------------------------------------------------------------

namespace {

std::atomic<int> destroyed{0};

struct Thing {
  static constexpr HandleType kHandleType = 7;
  std::atomic<int> inside{0};
  std::atomic<bool> dead{false};
};

void destroy_thing(void* thing) {
  ++destroyed;
  delete static_cast<Thing*>(thing);
}

int64_t new_thing() { return handles().create(Thing::kHandleType, new Thing, destroy_thing); }

}  // namespace

TEST(handles_name_live_objects_only) {
  destroyed = 0;
  const int64_t handle = new_thing();
  CHECK(handle > 0);
  void* object = nullptr;
  CHECK_EQ(handles().acquire(handle, Thing::kHandleType, &object), kOk);
  CHECK(object != nullptr);
  handles().release(handle);
  CHECK_EQ(handles().acquire(handle, 8, &object), kBadHandle);
  for (int64_t wrong : {int64_t{0}, int64_t{-1}, handle + 1, handle ^ (int64_t{1} << 24),
                        handle + (int64_t{1} << 32), INT64_MIN, INT64_MAX, int64_t{12345}}) {
    CHECK_EQ(handles().acquire(wrong, Thing::kHandleType, &object), kBadHandle);
    CHECK_EQ(handles().acquire(wrong, 8, &object), kBadHandle);
    CHECK_EQ(handles().close(wrong, Thing::kHandleType), kBadHandle);
  }
  CHECK_EQ(destroyed.load(), 0);
  CHECK_EQ(handles().close(handle, Thing::kHandleType), kOk);
  CHECK_EQ(destroyed.load(), 1);
  CHECK_EQ(handles().acquire(handle, Thing::kHandleType, &object), kBadHandle);
  CHECK_EQ(handles().close(handle, Thing::kHandleType), kBadHandle);
  const int64_t next = new_thing();
  CHECK(next != handle);
  CHECK_EQ(handles().acquire(handle, Thing::kHandleType, &object), kBadHandle);
  CHECK_EQ(handles().close(next, Thing::kHandleType), kOk);
}

TEST(a_closed_object_lives_until_its_last_holder_leaves) {
  destroyed = 0;
  const int64_t handle = new_thing();
  {
    Pinned<Thing> first, second;
    CHECK_EQ(first.acquire(handle), kOk);
    CHECK_EQ(second.acquire(handle), kOk);
    CHECK_EQ(handles().close(handle, Thing::kHandleType), kOk);
    Pinned<Thing> late;
    CHECK_EQ(late.acquire(handle), kBadHandle);
    CHECK_EQ(destroyed.load(), 0);
    CHECK(!first->dead);
  }
  CHECK_EQ(destroyed.load(), 1);
}

TEST(exclusive_use) {
  const int64_t handle = new_thing();
  {
    Pinned<Thing> first;
    CHECK_EQ(first.acquire_exclusive(handle), kOk);
    Pinned<Thing> second;
    CHECK_EQ(second.acquire_exclusive(handle), kBadState);
  }
  Pinned<Thing> third;
  CHECK_EQ(third.acquire_exclusive(handle), kOk);
  CHECK_EQ(handles().close(handle, Thing::kHandleType), kOk);
}

TEST(many_handles) {
  std::vector<int64_t> all;
  for (int i = 0; i < 3000; ++i) all.push_back(new_thing());
  for (int64_t handle : all) {
    Pinned<Thing> thing;
    CHECK_EQ(thing.acquire(handle), kOk);
  }
  destroyed = 0;
  for (int64_t handle : all) CHECK_EQ(handles().close(handle, Thing::kHandleType), kOk);
  CHECK_EQ(destroyed.load(), 3000);
}

TEST(no_handle_without_memory) {
  HandleTable* empty = static_cast<HandleTable*>(std::calloc(1, sizeof(HandleTable)));
  Thing thing;
  fail_allocations_after(0);
  CHECK_EQ(empty->create(Thing::kHandleType, &thing, destroy_thing), 0);
  fail_allocations_after(-1);
  std::free(empty);
}

TEST(closing_while_others_are_inside) {
  destroyed = 0;
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; ++round) {
    const int64_t handle = new_thing();
    std::atomic<bool> wrong{false};
    const auto use = [&] {
      for (;;) {
        Pinned<Thing> thing;
        if (thing.acquire(handle) != kOk) return;
        ++thing->inside;
        if (thing->dead) wrong = true;
        --thing->inside;
      }
    };
    std::thread first(use), second(use);
    if (round % 2 == 0) std::this_thread::yield();
    CHECK_EQ(handles().close(handle, Thing::kHandleType), kOk);
    first.join();
    second.join();
    CHECK(!wrong);
  }
  CHECK_EQ(destroyed.load(), kRounds);
}

// --- workspaces
// -------------------------------------------------------------------------------------------------------

namespace {

struct Space {
  Buffer<float> buffer;
  std::atomic<int> users{0};
  int64_t bytes() const { return buffer.bytes(); }
};

}  // namespace

TEST(workspaces_are_used_again_and_counted) {
  WorkspacePool<Space> pool;
  CHECK_EQ(pool.bytes(), 0);
  Space* first = pool.acquire();
  Space* second = pool.acquire();
  CHECK(first != nullptr && second != nullptr && first != second);
  CHECK(first->buffer.allocate(1000));
  const int64_t before = pool.bytes();
  pool.release(first);
  CHECK_EQ(pool.bytes(), before + 4000);
  CHECK(pool.acquire() == first);
  CHECK_EQ(first->buffer.size(), 1000);
  pool.release(first);
  pool.release(second);
  std::vector<Space*> many;
  for (int i = 0; i < 100; ++i) many.push_back(pool.acquire());
  const int64_t most = pool.bytes();
  for (Space* space : many) pool.release(space);
  CHECK(pool.bytes() < most);  // what exceeds the kept spaces is gone
  fail_allocations_after(0);
  std::vector<Space*> kept;
  for (Space* space = pool.acquire(); space != nullptr; space = pool.acquire()) kept.push_back(space);
  CHECK_EQ(kept.size(), size_t{64});
  CHECK(!Borrowed<Space>(pool));
  fail_allocations_after(-1);
  for (Space* space : kept) pool.release(space);
}

TEST(no_two_threads_share_a_workspace) {
  WorkspacePool<Space> pool;
  std::atomic<bool> shared{false};
  const auto use = [&] {
    for (int i = 0; i < 20000; ++i) {
      Borrowed<Space> space(pool);
      if (!space || ++space->users != 1) shared = true;
      if (space) --space->users;
    }
  };
  std::thread a(use), b(use), c(use);
  a.join();
  b.join();
  c.join();
  CHECK(!shared);
}

// --- random numbers
// ---------------------------------------------------------------------------------------------------

TEST(philox_gives_the_published_values) {
  // The known answers that come with Salmon et al.'s Random123: all zeros, all ones, digits of pi.
  const struct {
    uint32_t counter[4], key[2], words[4];
  } answers[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const auto& answer : answers) {
    const PhiloxBlock counter = {
        {answer.counter[0], answer.counter[1], answer.counter[2], answer.counter[3]}};
    const PhiloxBlock block = philox4x32(counter, answer.key[0], answer.key[1]);
    for (int i = 0; i < 4; ++i) CHECK_EQ(block.word[i], answer.words[i]);
  }
}

TEST(dropout_counters) {
  const Dropout dropout = {0.25f, 0x0123456789abcdefull, 5, 9, 0};
  const PhiloxBlock expected = philox4x32({{0x89abcdefu, 0x7u, 5, 9}}, 0x89abcdefu, 0x01234567u);
  const PhiloxBlock got = dropout_block(dropout, 0x789abcdefull);
  for (int i = 0; i < 4; ++i) CHECK_EQ(got.word[i], expected.word[i]);
  CHECK_EQ(dropout_threshold(0.0f), 0u);
  CHECK_EQ(dropout_threshold(0.25f), 0x40000000u);
  CHECK_EQ(dropout_threshold(0.5f), 0x80000000u);
}

// --- thread pool
// ------------------------------------------------------------------------------------------------------

TEST(every_unit_runs_once) {
  for (int32_t threads : {1, 2, 4}) {
    ThreadPool pool;
    CHECK(pool.start(threads));
    const Executor executor = pool.executor();
    CHECK_EQ(executor.workers, threads);
    for (int64_t units : {0, 1, 2, 3, 7, 100, 5000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(units));
      std::atomic<bool> bad_worker{false};
      executor.parallel_for(units, [&](int64_t i, int32_t worker) {
        ++runs[static_cast<size_t>(i)];
        if (worker < 0 || worker >= threads) bad_worker = true;
      });
      bool once = true;
      for (const auto& count : runs) once = once && count == 1;
      CHECK(once && !bad_worker);
    }
  }
}

TEST(no_two_units_run_at_once_as_the_same_worker) {
  ThreadPool pool;
  CHECK(pool.start(4));
  std::atomic<int> inside[4] = {};
  std::atomic<bool> shared{false};
  for (int job = 0; job < 50; ++job) {
    pool.executor().parallel_for(100, [&](int64_t, int32_t worker) {
      if (++inside[worker] != 1) shared = true;
      std::this_thread::yield();
      --inside[worker];
    });
  }
  CHECK(!shared);
}

TEST(many_small_jobs_in_a_row) {
  // Late workers meet the next job: every one of them must be whole.
  ThreadPool pool;
  CHECK(pool.start(3));
  int64_t total = 0;
  for (int64_t job = 0; job < 20000; ++job) {
    const int64_t units = 2 + job % 5;
    std::atomic<int64_t> sum{0};
    pool.executor().parallel_for(units, [&](int64_t i, int32_t) { sum += i + 1; });
    total += sum == units * (units + 1) / 2 ? 0 : 1;
  }
  CHECK_EQ(total, 0);
}

TEST(a_unit_may_spread_work_itself) {
  ThreadPool pool;
  CHECK(pool.start(2));
  const Executor executor = pool.executor();
  std::atomic<int> runs{0};
  std::atomic<bool> strayed{false};
  executor.parallel_for(8, [&](int64_t, int32_t outer) {
    executor.parallel_for(5, [&](int64_t, int32_t inner) {
      ++runs;
      if (inner != outer) strayed = true;
    });
  });
  CHECK_EQ(runs.load(), 40);
  CHECK(!strayed);
}

TEST(a_pool_sleeps_and_wakes) {
  ThreadPool pool;
  CHECK(pool.start(2));
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> runs{0};
    pool.executor().parallel_for(16, [&](int64_t, int32_t) { ++runs; });
    CHECK_EQ(runs.load(), 16);
  }
}

TEST(sizes_out_of_range_are_refused) {
  for (int32_t threads : {0, -1, 1025}) {
    ThreadPool pool;
    CHECK(!pool.start(threads));
  }
  ThreadPool pool;
  fail_allocations_after(0);
  CHECK(!pool.start(2));
  fail_allocations_after(-1);
  CHECK(pool.start(2));
}

TEST(the_serial_executor_runs_in_order) {
  std::vector<int64_t> order;
  serial_executor().parallel_for(5, [&](int64_t i, int32_t worker) {
    CHECK_EQ(worker, 0);
    order.push_back(i);
  });
  CHECK(order == (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

TEST_MAIN
