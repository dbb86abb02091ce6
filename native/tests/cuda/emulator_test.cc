// The emulator itself: right kernels run and give the same result for every order of threads; each kind of
// mistake is found and told with kernel and line.
#include <string>

#include "kernels/cuda/device.h"
#include "tests/kernel_test.h"

namespace maque::test {
namespace {

using namespace maque::cuda;

constexpr uint64_t kSeeds = 20;

Launch one_block(const char* name, uint32_t threads, int64_t shared = 0) {
  return {name, {1, 1, 1}, threads, shared, nullptr};
}

/// The launch fails for every seed, and its message has `what` and the kernel's name in it.
template <class F>
void check_mistake(const F& run, const char* what) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    emulation::set_seed(seed);
    CHECK_EQ(run(), kLaunchFailure);
    const std::string& told = emulation::mistake();
    const bool found = told.find(what) != std::string::npos &&
                       told.find("kernel wrong") != std::string::npos &&
                       told.find("emulator_test.cc:") != std::string::npos;
    if (!found) std::printf("told: %s\n", told.c_str());
    CHECK(found);
  }
}

// --- a kernel that is right
// -----------------------------------------------------------------------------------------

/// sums[block] = sum of 256 elements of x, folded in shared memory, then in a warp.
MAQUE_KERNEL(256) block_sum(const float* x, float* sums) {
  SharedMemory memory;
  const Shared<float> partial = memory.take<float>(256);
  const int32_t i = thread_x();
  partial[i] = x[block_x() * 256 + i];
  sync_threads();
  for (int32_t half = 128; half >= 32; half /= 2) {
    if (i < half) partial[i] += partial[i + half];
    sync_threads();
  }
  if (i >= 32) return;
  float sum = partial[i];
  for (int32_t by = 16; by > 0; by /= 2) sum += shuffle_down(sum, by);
  if (i == 0) sums[block_x()] = sum;
}

TEST(a_right_kernel_gives_the_same_for_every_order) {
  Random random(1);
  const std::vector<float> x = random.vector(5 * 256);
  std::vector<float> first;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    emulation::set_seed(seed);
    std::vector<float> sums(5);
    const Launch five = {"block_sum", {5, 1, 1}, 256, shared_bytes<float>(256), nullptr};
    CHECK_EQ(launch(five, block_sum, x.data(), sums.data()), kSuccess);
    if (seed == 0) first = sums;
    CHECK_BITS(sums.data(), first.data(), 5, "order of threads");
  }
  double exact = 0;
  for (size_t i = 0; i < 256; ++i) exact += static_cast<double>(x[i]);
  CHECK_LE(std::fabs(static_cast<double>(first[0]) - exact), 1e-5);
}

// --- barriers
// -------------------------------------------------------------------------------------------------------

enum Mistake { kNone, kMissing, kDivergent, kEarlyExit };

MAQUE_KERNEL(64) neighbours(int32_t mistake, float* y) {
  SharedMemory memory;
  const Shared<float> x = memory.take<float>(64);
  const int32_t i = thread_x();
  x[i] = static_cast<float>(i);
  if (mistake == kEarlyExit && i == 7) return;
  if (mistake == kDivergent && i >= 32) {
    sync_threads();
  } else if (mistake != kMissing) {
    sync_threads();
  }
  y[i] = x[63 - i];
}

Code run_neighbours(Mistake mistake) {
  std::vector<float> y(64);
  const Launch shape = one_block(mistake == kNone ? "right" : "wrong", 64, shared_bytes<float>(64));
  return launch(shape, neighbours, static_cast<int32_t>(mistake), y.data());
}

TEST(missing_divergent_and_deserted_barriers_are_found) {
  CHECK_EQ(run_neighbours(kNone), kSuccess);
  check_mistake([] { return run_neighbours(kMissing); }, "");
  check_mistake([] { return run_neighbours(kDivergent); }, "barrier");
  check_mistake([] { return run_neighbours(kEarlyExit); }, "thread 7 of block 0 has left the kernel");
}

/// The second barrier of a tile loop: without it a fast thread overwrites what a slow one still reads.
MAQUE_KERNEL(64) tiles(bool second, float* y) {
  SharedMemory memory;
  const Shared<float> x = memory.take<float>(64);
  const int32_t i = thread_x();
  float sum = 0;
  for (int32_t tile = 0; tile < 3; ++tile) {
    x[i] = static_cast<float>(tile + i);
    sync_threads();
    sum += x[(i + 33) % 64];
    if (second) sync_threads();
  }
  y[i] = sum;
}

TEST(overwriting_what_others_still_read_is_found) {
  std::vector<float> y(64);
  CHECK_EQ(launch(one_block("right", 64, 256), tiles, true, y.data()), kSuccess);
  check_mistake([&] { return launch(one_block("wrong", 64, 256), tiles, false, y.data()); },
                "no barrier between");
}

/// Lanes of one warp see each other's writes after sync_warp, not before.
MAQUE_KERNEL(32) warp_neighbours(bool ordered, float* y) {
  SharedMemory memory;
  const Shared<float> x = memory.take<float>(32);
  const int32_t i = thread_x();
  x[i] = static_cast<float>(i);
  if (ordered) sync_warp();
  y[i] = x[31 - i];
}

TEST(a_missing_sync_warp_is_found) {
  std::vector<float> y(32);
  CHECK_EQ(launch(one_block("right", 32, 128), warp_neighbours, true, y.data()), kSuccess);
  CHECK_EQ(y[3], 28.0f);
  check_mistake([&] { return launch(one_block("wrong", 32, 128), warp_neighbours, false, y.data()); }, "");
}

MAQUE_KERNEL(64) all_write_one(float* y) {
  SharedMemory memory;
  const Shared<float> x = memory.take<float>(1);
  x[0] = static_cast<float>(thread_x());
  sync_threads();
  y[thread_x()] = x[0];
}

TEST(two_writers_of_one_element_are_found) {
  std::vector<float> y(64);
  check_mistake([&] { return launch(one_block("wrong", 64, 16), all_write_one, y.data()); },
                "writes shared memory");
}

// --- bounds and first reads
// -----------------------------------------------------------------------------------------

MAQUE_KERNEL(64) shifted(int32_t by, float* y) {
  SharedMemory memory;
  const Shared<float> x = memory.take<float>(64);
  memory.take<float>(16);
  x[thread_x()] = 1.0f;
  sync_threads();
  y[thread_x()] = x[thread_x() + by];
}

MAQUE_KERNEL(32) reads_first(float* y) {
  SharedMemory memory;
  y[thread_x()] = memory.take<float>(32)[thread_x()];
}

TEST(shared_memory_is_checked) {
  std::vector<float> y(64);
  const int64_t bytes = shared_bytes<float>(64) + shared_bytes<float>(16);
  CHECK_EQ(launch(one_block("right", 64, bytes), shifted, 0, y.data()), kSuccess);
  check_mistake([&] { return launch(one_block("wrong", 64, bytes), shifted, 1, y.data()); },
                "element 64 of an array of 64");
  check_mistake([&] { return launch(one_block("wrong", 64, bytes), shifted, -1, y.data()); }, "element -1");
  check_mistake([&] { return launch(one_block("wrong", 64, bytes - 16), shifted, 0, y.data()); },
                "takes 320 bytes of shared memory, of which the launch gives 304");
  check_mistake([&] { return launch(one_block("wrong", 32, 128), reads_first, y.data()); },
                "nobody has written");
}

// --- warps
// ----------------------------------------------------------------------------------------------------------

MAQUE_KERNEL(32) shuffles(int32_t mistake, float* y) {
  const int32_t i = thread_x();
  const auto x = static_cast<float>(i);
  if (mistake == 0) {
    y[i] = shuffle_down(x, 4, 8) + 100 * shuffle_xor(x, 1) + 10000 * shuffle(x, 3, 16);
  } else if (mistake == 1) {  // half of the named lanes do not come
    if (i < 16) y[i] = shuffle_down(x, 1);
  } else if (mistake == 2) {  // a mask that does not name the caller
    y[i] = shuffle_down(x, 1, kWarp, 0x0000FFFFu);
  } else if (mistake == 3) {  // reads a lane that the mask does not name
    if (i < 16) y[i] = shuffle_xor(x, 16, kWarp, 0x0000FFFFu);
  } else if (mistake == 4) {  // two calls
    if (i < 16) {
      y[i] = shuffle(x, 0);
    } else {
      y[i] = shuffle(x, 1);
    }
  } else {  // different masks in one call
    y[i] = shuffle(x, 0, kWarp, i < 16 ? 0x0001FFFFu : kFullWarp);
  }
}

TEST(masks_are_checked) {
  std::vector<float> y(32);
  CHECK_EQ(launch(one_block("right", 32), shuffles, 0, y.data()), kSuccess);
  CHECK_EQ(y[1], 5.0f + 100 * 0 + 10000 * 3);
  CHECK_EQ(y[22], 22.0f + 100 * 23 + 10000 * 19);
  const char* const told[] = {"has left the kernel", "a mask that does not name it",
                              "shuffles from lane 16, which the mask does not name",
                              "another mask or in another place", "another mask or in another place"};
  for (int32_t mistake = 1; mistake <= 5; ++mistake) {
    check_mistake([&] { return launch(one_block("wrong", 32), shuffles, mistake, y.data()); },
                  mistake == 1 ? "" : told[mistake - 1]);
  }
}

MAQUE_KERNEL(64) votes(int32_t who, int32_t* y) { y[thread_x()] = vote_any(thread_x() == who); }

TEST(votes) {
  std::vector<int32_t> y(64);
  CHECK_EQ(launch(one_block("votes", 64), votes, 40, y.data()), kSuccess);
  for (size_t i = 0; i < 64; ++i) CHECK_EQ(y[i], i >= 32);
}

// --- copies that do not wait
// ----------------------------------------------------------------------------------------

/// Two tiles of 8 halves a thread, in two groups.
MAQUE_KERNEL(32) copies(int32_t mistake, const uint16_t* from, uint16_t* to) {
  SharedMemory memory;
  const Shared<uint16_t> x = memory.take<uint16_t>(512);
  const int32_t i = thread_x();
  copy_async(x, 8 * i, from + 8 * i, 16);
  commit_async();
  copy_async(x, 256 + 8 * i + (mistake == 4 && i == 0 ? 1 : 0), from + 256 + 8 * i, i == 31 ? 6 : 16);
  commit_async();
  if (mistake != 1) wait_async<1>();
  if (mistake != 2) sync_threads();
  to[i] = x[8 * (31 - i)];
  if (mistake == 5) return;
  if (mistake == 3) {
    wait_async<1>();
  } else {
    wait_async<0>();
  }
  sync_threads();
  for (int32_t e = 0; e < 8; ++e) to[32 + 8 * i + e] = x[256 + 8 * i + e];
}

TEST(copies_are_there_after_their_wait_only) {
  alignas(16) uint16_t from[512];
  for (size_t i = 0; i < 512; ++i) from[i] = static_cast<uint16_t>(i + 1);
  std::vector<uint16_t> to(32 + 256);
  CHECK_EQ(launch(one_block("right", 32, 1024), copies, 0, from, to.data()), kSuccess);
  CHECK_EQ(to[3], 8 * 28 + 1);
  for (size_t i = 0; i < 256; ++i) CHECK_EQ(to[32 + i], i < 251 ? from[256 + i] : 0);
  const char* const told[] = {"before wait_async", "no barrier between", "before wait_async",
                              "no multiples of 16"};
  for (int32_t mistake = 1; mistake <= 4; ++mistake) {
    check_mistake([&] { return launch(one_block("wrong", 32, 1024), copies, mistake, from, to.data()); },
                  mistake == 2 ? "" : told[mistake - 1]);
  }
  CHECK_EQ(launch(one_block("wrong", 32, 1024), copies, 5, from, to.data()), kLaunchFailure);
  CHECK(emulation::mistake().find("leaves with copy_async in flight") != std::string::npos);
}

// --- blocks that wait for each other
// --------------------------------------------------------------------------------

/// Each block adds what all blocks wrote in the round before.
MAQUE_KERNEL(32) rounds(uint32_t parties, uint32_t* arrivals, float* x) {
  const int32_t blocks = blocks_x();
  for (uint32_t round = 1; round <= 3; ++round) {
    float sum = 0;
    for (int32_t b = 0; b < blocks; ++b)
      sum += load_fresh(x + (round - 1) * static_cast<uint32_t>(blocks) + b);
    if (thread_x() == 0) x[round * static_cast<uint32_t>(blocks) + static_cast<uint32_t>(block_x())] = sum;
    sync_blocks(arrivals, parties, round);
  }
}

Code run_rounds(uint32_t blocks, uint32_t parties, bool cooperative, std::vector<float>* x) {
  x->assign(4 * blocks, 0.0f);
  for (uint32_t b = 0; b < blocks; ++b) (*x)[b] = 1;
  uint32_t arrivals = 0;
  const Launch shape = {"wrong_or_right", {blocks, 1, 1}, 32, 0, nullptr, cooperative};
  return launch(shape, rounds, parties, &arrivals, x->data());
}

TEST(blocks_wait_for_each_other) {
  std::vector<float> x;
  int wrong = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    emulation::set_seed(seed);
    CHECK_EQ(run_rounds(6, 6, true, &x), kSuccess);
    for (size_t b = 0; b < 6; ++b) CHECK_EQ(x[18 + b], 216.0f);
    CHECK_EQ(run_rounds(6, 5, true, &x), kSuccess);  // one too few: who comes late is not waited for
    wrong += x[18] != 216.0f;
  }
  CHECK(wrong > 0);
  CHECK_EQ(run_rounds(6, 7, true, &x), kLaunchFailure);
  CHECK(emulation::mistake().find("for 7 arrivals, of which there are 6") != std::string::npos);
  CHECK_EQ(run_rounds(6, 6, false, &x), kLaunchFailure);
  CHECK(emulation::mistake().find("not cooperative") != std::string::npos);
  CHECK_EQ(run_rounds(300, 300, true, &x), kCooperativeLaunchTooLarge);
}

MAQUE_KERNEL(32) counts_up(uint32_t* n) { atomic_add(n, 2); }
/// The same without the atomic.
MAQUE_KERNEL(32) counts_up_racing(uint32_t* n, uint32_t* other) {
  const uint32_t before = *n;
  atomic_add(other, 1);
  *n = before + 2;
}

TEST(atomics_add_and_races_on_global_memory_show) {
  uint32_t n = 0, other = 0;
  const Launch shape = {"counts_up", {3, 1, 1}, 32, 0, nullptr};
  CHECK_EQ(launch(shape, counts_up, &n), kSuccess);
  CHECK_EQ(n, 192u);
  n = 0;
  CHECK_EQ(launch(shape, counts_up_racing, &n, &other), kSuccess);
  CHECK(n < 192u);
}

TEST(launches_are_checked) {
  uint32_t n = 0;
  CHECK_EQ(launch(one_block("odd", 33), counts_up, &n), kInvalidValue);
  CHECK_EQ(launch(one_block("none", 0), counts_up, &n), kInvalidValue);
  CHECK_EQ(launch(one_block("large", 32, 300 * 1024), counts_up, &n), kInvalidValue);
  CHECK_EQ(launch({"empty", {0, 1, 1}, 32, 0, nullptr}, counts_up, &n), kInvalidValue);
  CHECK_EQ(n, 0u);
}

// --- tensor cores
// ---------------------------------------------------------------------------------------------------

/// c += a b for a [16, 16], b [16, 8] by rows and c [16, 8], the fragments filled element by element.
MAQUE_KERNEL(32) product(const uint16_t* a, const uint16_t* b, float* c) {
  const int32_t g = lane_id() / 4, t = lane_id() % 4;
  const auto pair = [](uint16_t low, uint16_t high) {
    return static_cast<uint32_t>(low) | static_cast<uint32_t>(high) << 16;
  };
  FragmentA fa;
  for (int32_t i = 0; i < 4; ++i) {
    const uint16_t* at = a + (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
    fa.a[i] = pair(at[0], at[1]);
  }
  FragmentB fb;
  for (int32_t i = 0; i < 2; ++i) {
    const uint16_t* at = b + (2 * t + 8 * i) * 8 + g;
    fb.b[i] = pair(at[0], at[8]);
  }
  FragmentC fc;
  for (int32_t i = 0; i < 4; ++i) fc.c[i] = c[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  multiply_add(fc, fa, fb);
  for (int32_t i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = fc.c[i];
}

/// The same with fragments from shared memory: A by rows, B by rows transposed on the way.
MAQUE_KERNEL(32) product_from_shared(const uint16_t* a, const uint16_t* b, float* c) {
  SharedMemory memory;
  const Shared<uint16_t> sa = memory.take<uint16_t>(256), sb = memory.take<uint16_t>(16 * 16);
  const int32_t l = lane_id();
  for (int32_t i = l; i < 256; i += kWarp) {
    sa[i] = a[i];
    sb[i] = i % 16 < 8 ? b[i / 16 * 8 + i % 16] : uint16_t{0};
  }
  sync_warp();
  FragmentA fa;
  load_matrix(fa.a, sa, l % 16 * 16 + l / 16 * 8);
  uint32_t words[4];
  load_matrix_transposed(words, sb, l % 16 * 16 + l / 16 * 8);
  const FragmentB fb = {{words[0], words[1]}};
  FragmentC fc;
  for (int32_t i = 0; i < 4; ++i) fc.c[i] = c[(l / 4 + i / 2 * 8) * 8 + 2 * (l % 4) + i % 2];
  multiply_add(fc, fa, fb);
  for (int32_t i = 0; i < 4; ++i) c[(l / 4 + i / 2 * 8) * 8 + 2 * (l % 4) + i % 2] = fc.c[i];
}

TEST(products_of_fragments) {
  Random random(9);
  std::vector<uint16_t> a(256), b(128);
  for (uint16_t& x : a) x = to_bf16(random.uniform(-1, 1));
  for (uint16_t& x : b) x = to_bf16(random.uniform(-1, 1));
  const std::vector<float> before = random.vector(128);
  std::vector<float> c = before, from_shared = before;
  CHECK_EQ(launch(one_block("product", 32), product, a.data(), b.data(), c.data()), kSuccess);
  CHECK_EQ(
      launch(one_block("product", 32, 1024), product_from_shared, a.data(), b.data(), from_shared.data()),
      kSuccess);
  CHECK_BITS(from_shared.data(), c.data(), 128, "load_matrix");
  for (size_t i = 0; i < 16; ++i) {
    for (size_t j = 0; j < 8; ++j) {
      double exact = static_cast<double>(before[i * 8 + j]);
      for (size_t k = 0; k < 16; ++k)
        exact += static_cast<double>(from_bf16(a[i * 16 + k])) * static_cast<double>(from_bf16(b[k * 8 + j]));
      CHECK_LE(std::fabs(static_cast<double>(c[i * 8 + j]) - exact), 3e-6);
    }
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
