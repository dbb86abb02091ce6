#include "tests/cuda/device/on_device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mutex>
#include <new>

#include "core/memory.h"
#include "kernels/cuda/runtime.h"

namespace maque::test {
namespace {

constexpr int64_t kArenaBytes = int64_t{1} << 30, kStackBytes = int64_t{32} << 20;
/// Before each block: the list that it goes back to. The block after it is aligned like it.
constexpr int64_t kHeader = 64;

/// Blocks of powers of two, cut from one piece of pinned memory and kept in lists when they come back. What
/// is asked for before main, and all if there is no device, is the C library's.
class Arena {
 public:
  bool open() {
    void* memory = nullptr;
    const cuda::Code code = maque_cuda_runtime()->allocate_pinned(kArenaBytes, &memory);
    if (code != cuda::kSuccess) {
      printf("no pinned memory: %s\n", maque_cuda_runtime()->code_text(code));
      return false;
    }
    begin_ = next_ = static_cast<char*>(memory);
    return true;
  }

  void* take(size_t bytes) {
    int list = 7;
    while ((size_t{1} << list) < bytes + kHeader) ++list;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (void* const block = free_[list]) {
      memcpy(&free_[list], block, sizeof(void*));
      return block;
    }
    const int64_t whole = int64_t{1} << list;
    if (begin_ == nullptr || whole > begin_ + kArenaBytes - next_)
      return aligned_alloc(64, (bytes + 63) / 64 * 64);
    memcpy(next_, &list, sizeof list);
    void* const block = next_ + kHeader;
    next_ += whole;
    return block;
  }

  void give_back(void* block) {
    auto* const address = static_cast<char*>(block);
    if (begin_ == nullptr || address < begin_ || address >= begin_ + kArenaBytes) return free(block);
    int list = 0;
    memcpy(&list, address - kHeader, sizeof list);
    const std::lock_guard<std::mutex> lock(mutex_);
    memcpy(block, &free_[list], sizeof(void*));
    free_[list] = block;
  }

 private:
  std::mutex mutex_;
  char *begin_ = nullptr, *next_ = nullptr;
  void* free_[64] = {};
};

Arena& arena() {
  static Arena* const made = new (malloc(sizeof(Arena))) Arena;  // stays: blocks come back at the very end
  return *made;
}

struct Run {
  int (*tests)();
  int result;
};

void* run_tests(void* argument) {
  Run* const run = static_cast<Run*>(argument);
  run->result = run->tests();
  return nullptr;
}

}  // namespace

cuda::Code code_of_device() {
  int64_t free = 0, all = 0;
  return maque_cuda_runtime()->memory(&free, &all);
}

int run_on_device(int (*tests)()) {
  setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
  if (!arena().open()) return 1;
  char* const stack = static_cast<char*>(arena().take(kStackBytes + 4096));
  pthread_attr_t attributes;
  pthread_t thread;
  Run run = {tests, 1};
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack + (4096 - reinterpret_cast<uintptr_t>(stack) % 4096), kStackBytes);
  if (pthread_create(&thread, &attributes, run_tests, &run) != 0) {
    printf("no thread with a stack in pinned memory\n");
    return 1;
  }
  pthread_join(thread, nullptr);
  const cuda::Code code = code_of_device();
  if (code != cuda::kSuccess) printf("the device: %s\n", maque_cuda_runtime()->code_text(code));
  return code == cuda::kSuccess ? run.result : 1;
}

}  // namespace maque::test

void* operator new(size_t bytes) { return maque::test::arena().take(bytes); }
void operator delete(void* block) noexcept { maque::test::arena().give_back(block); }
void operator delete(void* block, size_t) noexcept { maque::test::arena().give_back(block); }

// In place of core/memory.cc.
namespace maque {

void* allocate(int64_t bytes) { return test::arena().take(static_cast<size_t>(bytes)); }
void release(void* block) { test::arena().give_back(block); }
void fail_allocations_after(int64_t) {}

}  // namespace maque
