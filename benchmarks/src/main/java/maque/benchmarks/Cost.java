package maque.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a piece of work cannot do without, and so how fast it can be at most: the roofline model of
 * Williams, Waterman and Patterson (2009), for each part by itself. Parts wait for each other, so
 * their least times add up.
 */
record Cost(List<Part> parts) {
  /**
   * Work that can overlap: arithmetic and the reads that it waits for.
   *
   * @param flops operations of its matrix products and sums, without padding; a multiply-add is two
   * @param reads weights and table rows that it has to read
   */
  record Part(double flops, List<Read> reads) {
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
          ? new Bound(peak.shown, arithmetic, 1)
          : new Bound(slowest.shown, reading, 1);
    }
  }

  /**
   * @param bytes read in one piece of work
   * @param resident bytes that are touched between two readings of the same: they decide which
   *     cache can hold them
   */
  record Read(double bytes, double resident) {}

  /**
   * The least time.
   *
   * @param name what sets it, most of the time
   * @param share of the time that it sets
   */
  record Bound(String name, double seconds, double share) {}

  /** One part. */
  Cost(double flops, Read... reads) {
    this(List.of(new Part(flops, List.of(reads))));
  }

  static Cost nothing() {
    return new Cost(List.of());
  }

  /** The sum over the parts of the later of arithmetic and reads. */
  Bound bound(Limits limits, Limits.Peak peak) {
    Map<String, Double> seconds = new LinkedHashMap<>();
    for (Part part : parts) {
      Bound bound = part.bound(limits, peak);
      seconds.merge(bound.name(), bound.seconds(), Double::sum);
    }
    double sum = seconds.values().stream().mapToDouble(Double::doubleValue).sum();
    Map.Entry<String, Double> most =
        seconds.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
    return new Bound(most.getKey(), sum, sum > 0 ? most.getValue() / sum : 1);
  }

  double flops() {
    return parts.stream().mapToDouble(Part::flops).sum();
  }

  private double bytes() {
    return parts.stream().flatMap(part -> part.reads.stream()).mapToDouble(Read::bytes).sum();
  }

  /** Operations for a byte that must be read. */
  double intensity() {
    return flops() / Math.max(1, bytes());
  }

  /** This and then another. */
  Cost plus(Cost other) {
    List<Part> both = new ArrayList<>(parts);
    both.addAll(other.parts);
    return new Cost(both);
  }

  /** So many of it, one after the other. */
  Cost times(double factor) {
    List<Part> scaled = new ArrayList<>();
    for (Part part : parts) {
      List<Read> reads =
          part.reads.stream()
              .map(read -> new Read(read.bytes() * factor, read.resident()))
              .toList();
      scaled.add(new Part(part.flops * factor, reads));
    }
    return new Cost(scaled);
  }
}
