package maque.training;

import java.util.Arrays;
import java.util.Locale;
import maque.runtime.InvalidInputException;
import org.apache.commons.math3.stat.inference.AlternativeHypothesis;
import org.apache.commons.math3.stat.inference.BinomialTest;

/**
 * Two classifiers on the same texts: how much better is the second, and could that be chance?
 *
 * @param texts number of texts
 * @param accuracyA accuracy of the first, in [0, 1]
 * @param accuracyB accuracy of the second
 * @param low lower end of the 95 % interval of accuracyB - accuracyA, by the bootstrap over texts
 *     (percentiles of 10,000 resamples)
 * @param high upper end
 * @param onlyA texts that only the first gets right
 * @param onlyB texts that only the second gets right
 * @param pValue of McNemar's exact two-sided test
 */
public record PairedComparison(
    int texts,
    double accuracyA,
    double accuracyB,
    double low,
    double high,
    int onlyA,
    int onlyB,
    double pValue) {
  private static final int RESAMPLES = 10_000;

  /**
   * Compares two classifiers' predictions.
   *
   * @param seed of the bootstrap
   */
  public static PairedComparison of(int[] gold, int[] a, int[] b, long seed) {
    if (gold.length == 0 || gold.length != a.length || gold.length != b.length) {
      throw new InvalidInputException(
          "a comparison needs the same texts: " + gold.length + ", " + a.length + ", " + b.length);
    }
    int onlyA = 0;
    int onlyB = 0;
    int both = 0;
    for (int i = 0; i < gold.length; i++) {
      boolean rightA = a[i] == gold[i];
      boolean rightB = b[i] == gold[i];
      onlyA += rightA && !rightB ? 1 : 0;
      onlyB += rightB && !rightA ? 1 : 0;
      both += rightA && rightB ? 1 : 0;
    }
    double[] interval = bootstrap(gold.length, onlyA, onlyB, seed);
    return new PairedComparison(
        gold.length,
        (double) (both + onlyA) / gold.length,
        (double) (both + onlyB) / gold.length,
        interval[0],
        interval[1],
        onlyA,
        onlyB,
        mcnemar(onlyA, onlyB));
  }

  /** accuracyB - accuracyA. */
  public double gain() {
    return (double) (onlyB - onlyA) / texts;
  }

  private static double mcnemar(int onlyA, int onlyB) {
    int discordant = onlyA + onlyB;
    if (discordant == 0) {
      return 1;
    }
    return new BinomialTest()
        .binomialTest(discordant, Math.min(onlyA, onlyB), 0.5, AlternativeHypothesis.TWO_SIDED);
  }

  /** Only the texts on which the two differ move the difference, so only they are told apart. */
  private static double[] bootstrap(int texts, int onlyA, int onlyB, long seed) {
    double[] gains = new double[RESAMPLES];
    SeededRandom random = new SeededRandom(seed, "bootstrap");
    for (int r = 0; r < RESAMPLES; r++) {
      int sum = 0;
      for (int i = 0; i < texts; i++) {
        int pick = random.nextInt(texts);
        sum += pick < onlyB ? 1 : pick < onlyB + onlyA ? -1 : 0;
      }
      gains[r] = (double) sum / texts;
    }
    Arrays.sort(gains);
    return new double[] {
      gains[(int) Math.floor(0.025 * (RESAMPLES - 1))],
      gains[(int) Math.ceil(0.975 * (RESAMPLES - 1))]
    };
  }

  /** For example {@code +4.9 points (95 % interval +3.9 to +5.9; McNemar p < 0.0001)}. */
  public String text() {
    String p = pValue < 1e-4 ? "p < 0.0001" : String.format(Locale.ROOT, "p = %.4f", pValue);
    return String.format(
        Locale.ROOT,
        "%+.1f points (95 %% interval %+.1f to %+.1f; McNemar %s)",
        100 * gain(),
        100 * low,
        100 * high,
        p);
  }
}
