package maque.training;

import java.util.ArrayList;
import java.util.List;
import maque.runtime.InvalidInputException;
import org.apache.commons.math3.optim.MaxEval;
import org.apache.commons.math3.optim.nonlinear.scalar.GoalType;
import org.apache.commons.math3.optim.univariate.BrentOptimizer;
import org.apache.commons.math3.optim.univariate.SearchInterval;
import org.apache.commons.math3.optim.univariate.UnivariateObjectiveFunction;

/**
 * How far a classifier's probabilities can be believed: of the texts that it is sure of by a half,
 * is it right on a half? (Guo et al., arXiv 1706.04599.)
 *
 * @param temperature that logits were divided by
 * @param error expected calibration error: over bins, the mean of |confidence - accuracy|, each bin
 *     by its number of texts
 * @param loss mean negative log of the true class's probability, in nats
 * @param bins of equal width, those without texts left out
 */
public record Calibration(double temperature, double error, double loss, List<Bin> bins) {
  private static final int BINS = 15;
  private static final double LOW = Math.log(0.05);
  private static final double HIGH = Math.log(20);

  /**
   * Texts whose highest probability lies in [low, high).
   *
   * @param confidence mean of their highest probability
   * @param accuracy part of them that is right
   */
  public record Bin(double low, double high, int texts, double confidence, double accuracy) {}

  public Calibration {
    bins = List.copyOf(bins);
  }

  /** Measures logits, divided by a temperature, on texts of known class. */
  public static Calibration of(float[][] logits, int[] gold, double temperature) {
    check(logits, gold);
    int[] texts = new int[BINS];
    int[] right = new int[BINS];
    double[] sure = new double[BINS];
    for (int i = 0; i < gold.length; i++) {
      double[] p = softmax(logits[i], temperature);
      int best = Objective.argmax(logits[i], 0, logits[i].length);
      int bin = Math.min(BINS - 1, (int) (p[best] * BINS));
      texts[bin]++;
      right[bin] += best == gold[i] ? 1 : 0;
      sure[bin] += p[best];
    }
    List<Bin> bins = new ArrayList<>();
    double error = 0;
    for (int b = 0; b < BINS; b++) {
      if (texts[b] > 0) {
        Bin bin =
            new Bin(
                (double) b / BINS,
                (double) (b + 1) / BINS,
                texts[b],
                sure[b] / texts[b],
                (double) right[b] / texts[b]);
        bins.add(bin);
        error += Math.abs(bin.confidence() - bin.accuracy()) * texts[b] / gold.length;
      }
    }
    return new Calibration(temperature, error, loss(logits, gold, temperature), bins);
  }

  /**
   * The temperature of least loss on texts of known class, 0.05 to 20; 1 where all are answered
   * right, since the loss has no minimum then.
   */
  public static double fit(float[][] logits, int[] gold) {
    check(logits, gold);
    if (allRight(logits, gold)) {
      return 1;
    }
    double best =
        new BrentOptimizer(1e-6, 1e-8)
            .optimize(
                new MaxEval(200),
                GoalType.MINIMIZE,
                new UnivariateObjectiveFunction(t -> loss(logits, gold, StrictMath.exp(t))),
                new SearchInterval(LOW, HIGH))
            .getPoint();
    return StrictMath.exp(best);
  }

  private static boolean allRight(float[][] logits, int[] gold) {
    for (int i = 0; i < gold.length; i++) {
      if (Objective.argmax(logits[i], 0, logits[i].length) != gold[i]) {
        return false;
      }
    }
    return true;
  }

  private static void check(float[][] logits, int[] gold) {
    if (gold.length == 0 || gold.length != logits.length) {
      throw new InvalidInputException(
          "calibration needs a class for each text: " + gold.length + " and " + logits.length);
    }
  }

  private static double loss(float[][] logits, int[] gold, double temperature) {
    double sum = 0;
    for (int i = 0; i < gold.length; i++) {
      double max = logits[i][Objective.argmax(logits[i], 0, logits[i].length)];
      double total = 0;
      for (float logit : logits[i]) {
        total += StrictMath.exp((logit - max) / temperature);
      }
      sum += StrictMath.log(total) - (logits[i][gold[i]] - max) / temperature;
    }
    return sum / gold.length;
  }

  /** Probabilities of logits divided by a temperature. */
  public static double[] softmax(float[] logits, double temperature) {
    double max = logits[Objective.argmax(logits, 0, logits.length)];
    double[] p = new double[logits.length];
    double total = 0;
    for (int c = 0; c < p.length; c++) {
      p[c] = StrictMath.exp((logits[c] - max) / temperature);
      total += p[c];
    }
    for (int c = 0; c < p.length; c++) {
      p[c] /= total;
    }
    return p;
  }
}
