#include "core/memory.h"

#include <stdlib.h>
#include <sys/mman.h>

namespace maque {
namespace {

constexpr int64_t kAlignment = 64;
/// Blocks from kLarge bytes on lie in pages of kHugePage where the system gives such on request: reading
/// weights from end to end then waits for few page tables, and the processor fetches ahead across 4 KiB.
constexpr int64_t kHugePage = 2 << 20, kLarge = 4 * kHugePage;
constexpr int64_t kNeverFail = -1;
int64_t allocations_left = kNeverFail;

/// Counts down towards the failure that a test asked for.
bool must_fail() {
  int64_t left = __atomic_load_n(&allocations_left, __ATOMIC_RELAXED);
  while (left > 0) {
    if (__atomic_compare_exchange_n(&allocations_left, &left, left - 1, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
      return false;
    }
  }
  return left == 0;
}

}  // namespace

void* allocate(int64_t bytes) {
  if (bytes < 0 || bytes > INT64_MAX - kAlignment || must_fail()) return nullptr;
  const int64_t alignment = bytes < kLarge ? kAlignment : kHugePage;
  const int64_t whole = bytes == 0 ? kAlignment : (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* block = aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(whole));
  // The last part of a page stays in small ones.
  if (block != nullptr && bytes >= kLarge) {
    madvise(block, static_cast<size_t>(whole / kHugePage * kHugePage), MADV_HUGEPAGE);
  }
  return block;
}

void release(void* block) { free(block); }

void fail_allocations_after(int64_t n) {
  __atomic_store_n(&allocations_left, n < 0 ? kNeverFail : n, __ATOMIC_RELAXED);
}

}  // namespace maque
