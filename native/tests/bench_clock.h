// The clock of the benchmarks.
#pragma once
#include <time.h>

#include <algorithm>

namespace maque::test {

/// Processor time of this thread: other programs' turns do not count.
inline double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Best time of one run of `work` in at least `rounds` rounds and a quarter of a second.
template <class Work>
double best_seconds(int rounds, const Work& work) {
  double best = 1e9;
  const double start = now();
  for (int round = 0; round < rounds || now() - start < 0.25; ++round) {
    const double before = now();
    work();
    best = std::min(best, now() - before);
  }
  return best;
}

}  // namespace maque::test
