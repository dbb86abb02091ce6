package maque.benchmarks;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/**
 * Java heap that a piece of work takes, by this thread's own count. JMH's profiler counts its own
 * threads too: some ten kilobytes a second, which slow work divides among few calls.
 */
final class Allocation {
  private static final int CALLS = 500;
  private static final int CHUNKS = 8;

  private Allocation() {}

  /** Bytes of one call once it is warm: the least of several chunks of calls. */
  static double bytes(Work work) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    double least = Double.POSITIVE_INFINITY;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        work.run();
      }
      long after = threads.getCurrentThreadAllocatedBytes();
      least = Math.min(least, (double) (after - before) / CALLS);
    }
    return least;
  }
}
