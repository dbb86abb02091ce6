package maque.benchmarks;

import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.util.Statistics;

/** Times of one contender, in seconds: for each quantile one number a round. */
final class Figures {
  /** In percent. */
  static final double[] QUANTILES = {1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9};

  private static final int MEDIAN = 4;

  private final List<double[]> rounds = new ArrayList<>();
  private long calls;

  /** Adds a round measured in microseconds. */
  void add(Statistics microseconds) {
    double[] round = new double[QUANTILES.length];
    for (int i = 0; i < round.length; i++) {
      round[i] = microseconds.getPercentile(QUANTILES[i]) * 1e-6;
    }
    add(round, microseconds.getN());
  }

  void add(double[] round, long n) {
    rounds.add(round);
    calls += n;
  }

  boolean isEmpty() {
    return rounds.isEmpty();
  }

  long calls() {
    return calls;
  }

  /** The median of the rounds' values of a quantile; of an even number the lower middle one. */
  double quantile(double percent) {
    for (int i = 0; i < QUANTILES.length; i++) {
      if (QUANTILES[i] == percent) {
        int index = i;
        return rounds.stream()
            .map(round -> round[index])
            .sorted()
            .toList()
            .get((rounds.size() - 1) / 2);
      }
    }
    throw new IllegalArgumentException("no quantile " + percent);
  }

  double median() {
    return quantile(50);
  }

  /**
   * How far apart the rounds were: the median of the round that so many per cent of rounds do not
   * exceed, by the nearest rank.
   */
  double round(double percent) {
    return nearest(rounds.stream().map(round -> round[MEDIAN]).toList(), percent);
  }

  /** Of some numbers, the one that so many per cent of them do not exceed. */
  static double nearest(List<Double> values, double percent) {
    List<Double> sorted = values.stream().sorted().toList();
    int rank = (int) Math.ceil(percent / 100 * sorted.size());
    return sorted.get(Math.max(1, rank) - 1);
  }

  /** All quantiles. */
  List<Double> distribution() {
    List<Double> values = new ArrayList<>();
    for (double percent : QUANTILES) {
      values.add(quantile(percent));
    }
    return values;
  }
}
