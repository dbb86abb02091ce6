package maque.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import maque.runtime.InvalidInputException;
import org.apache.commons.math3.stat.descriptive.SummaryStatistics;
import org.apache.commons.math3.stat.inference.TTest;

/**
 * Two ways of training, each tried with the same seeds and judged on the same texts: how much
 * better is the second, and could that be chance?
 *
 * @param accuracies of the first and of the second way, a row a seed
 * @param gain mean accuracy of the second less that of the first
 * @param low lower end of the gain's 95 % interval, by the bootstrap over texts and seeds
 *     (percentiles of 10,000 resamples, each of as many seeds and as many texts)
 * @param high upper end
 * @param pairs McNemar's exact test of each seed's pair
 * @param tTest p of the paired t test over seeds; NaN for fewer than two, or where all differences
 *     are the same
 */
public record SeedComparison(
    List<double[]> accuracies,
    double gain,
    double low,
    double high,
    List<PairedComparison> pairs,
    double tTest) {
  private static final int RESAMPLES = 10_000;

  /** A gain that nobody would keep a teacher for. */
  public static final double WORTH = 0.005;

  /** How sure McNemar's test must be. */
  public static final double SIGNIFICANT = 0.05;

  /** What the evidence says of the second way. */
  public enum Outcome {
    PAYS("PAYS"),
    DOES_NOT_PAY("DOES NOT PAY"),
    NOT_PROVEN("NOT PROVEN");

    private final String words;

    Outcome(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /**
   * Compares predictions.
   *
   * @param gold true classes
   * @param a the first way's predictions, a row a seed
   * @param b the second way's, with the same seeds in the same order
   * @param seed of the bootstrap
   */
  public static SeedComparison of(int[] gold, List<int[]> a, List<int[]> b, long seed) {
    if (a.isEmpty() || a.size() != b.size()) {
      throw new InvalidInputException(
          "a comparison needs the same seeds: " + a.size() + " and " + b.size());
    }
    List<PairedComparison> pairs = new ArrayList<>();
    List<double[]> accuracies = new ArrayList<>();
    byte[][] differences = new byte[a.size()][gold.length];
    for (int s = 0; s < differences.length; s++) {
      PairedComparison pair = PairedComparison.of(gold, a.get(s), b.get(s), seed);
      pairs.add(pair);
      accuracies.add(new double[] {pair.accuracyA(), pair.accuracyB()});
      for (int i = 0; i < gold.length; i++) {
        int right = b.get(s)[i] == gold[i] ? 1 : 0;
        differences[s][i] = (byte) (right - (a.get(s)[i] == gold[i] ? 1 : 0));
      }
    }
    double[] interval = bootstrap(differences, seed);
    double gain = pairs.stream().mapToDouble(PairedComparison::gain).average().orElse(0);
    return new SeedComparison(
        List.copyOf(accuracies),
        gain,
        interval[0],
        interval[1],
        List.copyOf(pairs),
        tTest(accuracies));
  }

  private static double[] bootstrap(byte[][] differences, long seed) {
    int seeds = differences.length;
    int texts = differences[0].length;
    SeededRandom random = new SeededRandom(seed, "bootstrap over seeds");
    double[] gains = new double[RESAMPLES];
    int[] sums = new int[texts];
    for (int r = 0; r < RESAMPLES; r++) {
      Arrays.fill(sums, 0);
      for (int s = 0; s < seeds; s++) {
        byte[] row = differences[random.nextInt(seeds)];
        for (int i = 0; i < texts; i++) {
          sums[i] += row[i];
        }
      }
      long sum = 0;
      for (int i = 0; i < texts; i++) {
        sum += sums[random.nextInt(texts)];
      }
      gains[r] = (double) sum / ((double) texts * seeds);
    }
    Arrays.sort(gains);
    return new double[] {
      gains[(int) Math.floor(0.025 * (RESAMPLES - 1))],
      gains[(int) Math.ceil(0.975 * (RESAMPLES - 1))]
    };
  }

  private static double tTest(List<double[]> accuracies) {
    if (accuracies.size() < 2) {
      return Double.NaN;
    }
    double[] a = accuracies.stream().mapToDouble(pair -> pair[0]).toArray();
    double[] b = accuracies.stream().mapToDouble(pair -> pair[1]).toArray();
    boolean same =
        accuracies.stream().mapToDouble(pair -> pair[1] - pair[0]).distinct().count() < 2;
    return same ? Double.NaN : new TTest().pairedTTest(a, b);
  }

  /** Mean and standard deviation (n - 1; 0 for one) of a column of numbers. */
  public record Spread(double mean, double deviation) {
    public static Spread of(double... values) {
      SummaryStatistics statistics = new SummaryStatistics();
      Arrays.stream(values).forEach(statistics::addValue);
      return new Spread(statistics.getMean(), statistics.getStandardDeviation());
    }
  }

  /** The middle of the pairs' p values; of an even number the larger of the two. */
  public double medianP() {
    double[] values = pairs.stream().mapToDouble(PairedComparison::pValue).sorted().toArray();
    return values[values.length / 2];
  }

  /**
   * PAYS where the interval lies above 0 and the median of McNemar's p is below {@link
   * #SIGNIFICANT}; DOES NOT PAY where the whole interval lies below {@link #WORTH}; else NOT
   * PROVEN.
   */
  public Outcome outcome() {
    if (low > 0 && medianP() < SIGNIFICANT) {
      return Outcome.PAYS;
    }
    return high < WORTH ? Outcome.DOES_NOT_PAY : Outcome.NOT_PROVEN;
  }

  /** For example {@code +4.9 points (95 % interval +3.9 to +5.9; McNemar p < 0.0001)}. */
  public String text() {
    double p = medianP();
    return String.format(
        Locale.ROOT,
        "%+.1f points (95 %% interval %+.1f to %+.1f over texts%s; McNemar %s%s)",
        100 * gain,
        100 * low,
        100 * high,
        pairs.size() > 1 ? " and " + pairs.size() + " seeds" : ", one seed",
        p < 1e-4 ? "p < 0.0001" : String.format(Locale.ROOT, "p = %.4f", p),
        pairs.size() > 1 ? ", the median of the seeds" : "");
  }
}
