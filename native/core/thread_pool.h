// A fixed pool of threads for training and batch work.
#pragma once
#include <pthread.h>

#include "core/executor.h"
#include "core/memory.h"

namespace maque {

/// Spreads units over `threads` threads, the caller's among them. One caller at a time; a unit of
/// spread work may itself call run, which then stays on that unit's thread. Idle threads spin for some
/// microseconds, then sleep.
class ThreadPool {
 public:
  ThreadPool() = default;
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Once, before executor(). threads in [1, 1024]. False where memory or the system does not give that many
  /// threads.
  bool start(int32_t threads);
  Executor executor() { return {&ThreadPool::run, this, threads_}; }
  int32_t threads() const { return threads_; }

 private:
  struct Worker {
    ThreadPool* pool;
    pthread_t thread;
    int32_t index;
  };

  static void run(void* self, int64_t units, Executor::Unit unit, void* context);
  static void* worker_main(void* worker);
  void run_slice(int64_t first, int64_t units, Executor::Unit unit, void* context);
  void work(int32_t worker);
  uint32_t wait_for_job(uint32_t seen);
  void wait_until_done(int64_t units);
  void finish_units(int64_t count, int64_t units);

  int32_t threads_ = 1;
  int32_t started_ = 0;
  Buffer<Worker> workers_;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t job_ = PTHREAD_COND_INITIALIZER, done_ = PTHREAD_COND_INITIALIZER;

  // The job. `ticket_` = number of the job in the high half, next unit in the low one; a worker owns the unit
  // that it takes by compare-and-swap, which fails where the job that it has read is no longer the present
  // one.
  alignas(64) uint64_t ticket_ = kClosed;
  int64_t first_ = 0, units_ = 0;
  Executor::Unit unit_ = nullptr;
  void* context_ = nullptr;
  alignas(64) int64_t completed_ = 0;
  alignas(64) int32_t sleepers_ = 0, caller_sleeps_ = 0, stop_ = 0;

  static constexpr uint64_t kClosed = 0xFFFFFFFF;
};

}  // namespace maque
