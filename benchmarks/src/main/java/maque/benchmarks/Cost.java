package maque.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * What a piece of work cannot do without, and so how fast it can be at most (the roofline model).
 *
 * @param flops operations of its matrix products and sums, without padding; a multiply-add is two
 * @param reads weights and table rows that it has to read
 */
record Cost(double flops, List<Read> reads) {
  /**
   * @param bytes read in one piece of work
   * @param resident bytes of which these are a part: they decide which cache can hold them between
   *     two pieces
   */
  record Read(double bytes, double resident) {}

  /** The least time, and what sets it. */
  record Bound(String name, double seconds) {}

  Cost(double flops, Read... reads) {
    this(flops, List.of(reads));
  }

  /** The later of the arithmetic and the reads, as if each overlapped the other wholly. */
  Bound bound(Limits limits, Limits.Peak peak) {
    double arithmetic = flops / limits.peaks().get(peak);
    double reading = 0;
    Limits.Level slowest = Limits.Level.L1;
    double longest = -1;
    for (Read read : reads) {
      Limits.Level level = limits.holding(read.resident());
      double seconds = read.bytes() / limits.read().get(level);
      reading += seconds;
      if (seconds > longest) {
        longest = seconds;
        slowest = level;
      }
    }
    return arithmetic >= reading
        ? new Bound(peak.shown, arithmetic)
        : new Bound(slowest.shown, reading);
  }

  /** Operations for a byte that must be read. */
  double intensity() {
    return flops / Math.max(1, reads.stream().mapToDouble(Read::bytes).sum());
  }

  /** This and then another. */
  Cost plus(Cost other) {
    List<Read> both = new ArrayList<>(reads);
    both.addAll(other.reads);
    return new Cost(flops + other.flops, both);
  }

  Cost times(double factor) {
    List<Read> scaled = new ArrayList<>();
    reads.forEach(read -> scaled.add(new Read(read.bytes() * factor, read.resident())));
    return new Cost(flops * factor, scaled);
  }
}
