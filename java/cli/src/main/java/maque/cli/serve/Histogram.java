package maque.cli.serve;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** Counts of durations below rising bounds, in Prometheus' text form. Thread-safe. */
final class Histogram {
  /** Microseconds: 10 µs to 10 s. */
  private static final long[] BOUNDS = {
    10,
    25,
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    10_000_000
  };

  private static final double MICROS = 1e6;

  private final LongAdder[] counts = new LongAdder[BOUNDS.length + 1];
  private final LongAdder nanos = new LongAdder();

  Histogram() {
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new LongAdder();
    }
  }

  void add(long duration) {
    int i = 0;
    while (i < BOUNDS.length && duration > TimeUnit.MICROSECONDS.toNanos(BOUNDS[i])) {
      i++;
    }
    counts[i].increment();
    nanos.add(duration);
  }

  /**
   * Writes buckets, sum and count.
   *
   * @param labels as {@code model="student"}, or empty
   */
  void write(StringBuilder out, String name, String labels) {
    String separator = labels.isEmpty() ? "" : ",";
    long total = 0;
    for (int i = 0; i < counts.length; i++) {
      total += counts[i].sum();
      String bound = i < BOUNDS.length ? Double.toString(BOUNDS[i] / MICROS) : "+Inf";
      out.append(name).append("_bucket{").append(labels).append(separator);
      out.append("le=\"").append(bound).append("\"} ").append(total).append('\n');
    }
    String braces = labels.isEmpty() ? "" : "{" + labels + "}";
    out.append(name).append("_sum").append(braces).append(' ').append(nanos.sum() / 1e9);
    out.append('\n');
    out.append(name).append("_count").append(braces).append(' ').append(total).append('\n');
  }
}
