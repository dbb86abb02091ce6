#include "core/thread_pool.h"

namespace maque {
namespace {

constexpr int kSpins = 4000;
constexpr int64_t kSlice = int64_t{1} << 30;  // units of one job; longer work is cut into several

// The worker that this thread is while it runs a unit; -1 outside.
__thread int32_t current_worker = -1;

template <class T>
T load(const T* x) {
  return __atomic_load_n(x, __ATOMIC_SEQ_CST);
}
template <class T>
void store(T* x, T value) {
  __atomic_store_n(x, value, __ATOMIC_SEQ_CST);
}
/// Leaves the core to its other thread for a moment.
void spin_once() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield" ::: "memory");
#endif
}
uint32_t job_of(uint64_t ticket) { return static_cast<uint32_t>(ticket >> 32); }

void run_here(int64_t units, Executor::Unit unit, void* context, int32_t worker) {
  for (int64_t i = 0; i < units; ++i) unit(context, i, worker);
}

}  // namespace

bool ThreadPool::start(int32_t threads) {
  if (threads < 1 || threads > 1024 || started_ > 0 || !workers_.allocate(threads)) return false;
  for (int32_t i = 1; i < threads; ++i) {
    workers_[i] = {this, {}, i};
    if (pthread_create(&workers_[i].thread, nullptr, &ThreadPool::worker_main, &workers_[i]) != 0)
      return false;
    started_ = i;
  }
  threads_ = threads;
  return true;
}

ThreadPool::~ThreadPool() {
  pthread_mutex_lock(&mutex_);
  store(&stop_, 1);
  pthread_cond_broadcast(&job_);
  pthread_mutex_unlock(&mutex_);
  for (int32_t i = 1; i <= started_; ++i) pthread_join(workers_[i].thread, nullptr);
  pthread_cond_destroy(&job_);
  pthread_cond_destroy(&done_);
  pthread_mutex_destroy(&mutex_);
}

void ThreadPool::run(void* self, int64_t units, Executor::Unit unit, void* context) {
  ThreadPool* pool = static_cast<ThreadPool*>(self);
  if (current_worker >= 0) return run_here(units, unit, context, current_worker);
  if (pool->threads_ == 1 || units <= 1) return run_here(units, unit, context, 0);
  for (int64_t first = 0; first < units; first += kSlice) {
    pool->run_slice(first, units - first < kSlice ? units - first : kSlice, unit, context);
  }
}

void ThreadPool::run_slice(int64_t first, int64_t units, Executor::Unit unit, void* context) {
  // The former job is over, but a late worker may still read it: its ticket becomes invalid before anything
  // changes.
  const uint64_t job = static_cast<uint64_t>(job_of(load(&ticket_)) + 1) << 32;
  store(&ticket_, job | kClosed);
  store(&first_, first);
  store(&units_, units);
  store(&unit_, unit);
  store(&context_, context);
  store(&completed_, int64_t{0});
  store(&ticket_, job);
  if (load(&sleepers_) > 0) {
    pthread_mutex_lock(&mutex_);
    pthread_cond_broadcast(&job_);
    pthread_mutex_unlock(&mutex_);
  }
  work(0);
  wait_until_done(units);
}

/// Takes units of the present job until none is left.
void ThreadPool::work(int32_t worker) {
  current_worker = worker;
  for (;;) {
    uint64_t ticket = load(&ticket_);
    const int64_t next = static_cast<int64_t>(ticket & kClosed), first = load(&first_), units = load(&units_);
    const Executor::Unit unit = load(&unit_);
    void* context = load(&context_);
    if (next >= units || (ticket & kClosed) == kClosed) break;
    if (!__atomic_compare_exchange_n(&ticket_, &ticket, ticket + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
      continue;
    unit(context, first + next, worker);
    finish_units(1, units);
  }
  current_worker = -1;
}

void ThreadPool::finish_units(int64_t count, int64_t units) {
  if (__atomic_add_fetch(&completed_, count, __ATOMIC_SEQ_CST) < units || load(&caller_sleeps_) == 0) return;
  pthread_mutex_lock(&mutex_);
  pthread_cond_signal(&done_);
  pthread_mutex_unlock(&mutex_);
}

void ThreadPool::wait_until_done(int64_t units) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (load(&completed_) >= units) return;
    spin_once();
  }
  pthread_mutex_lock(&mutex_);
  store(&caller_sleeps_, 1);
  while (load(&completed_) < units) pthread_cond_wait(&done_, &mutex_);
  store(&caller_sleeps_, 0);
  pthread_mutex_unlock(&mutex_);
}

/// Returns the number of a job other than `seen`, or `seen` when the pool stops.
uint32_t ThreadPool::wait_for_job(uint32_t seen) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (job_of(load(&ticket_)) != seen || load(&stop_) != 0) return job_of(load(&ticket_));
    spin_once();
  }
  pthread_mutex_lock(&mutex_);
  __atomic_add_fetch(&sleepers_, 1, __ATOMIC_SEQ_CST);
  while (job_of(load(&ticket_)) == seen && load(&stop_) == 0) pthread_cond_wait(&job_, &mutex_);
  __atomic_sub_fetch(&sleepers_, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&mutex_);
  return job_of(load(&ticket_));
}

void* ThreadPool::worker_main(void* argument) {
  const Worker& self = *static_cast<Worker*>(argument);
  ThreadPool* pool = self.pool;
  uint32_t seen = 0;
  while (load(&pool->stop_) == 0) {
    seen = pool->wait_for_job(seen);
    pool->work(self.index);
  }
  return nullptr;
}

}  // namespace maque
