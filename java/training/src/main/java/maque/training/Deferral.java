package maque.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import maque.runtime.InvalidInputException;

/**
 * What a model gains by leaving the texts that it is not sure of to somebody else: accuracy against
 * the share that is deferred (El-Yaniv and Wiener, JMLR 2010, call it the risk-coverage curve).
 *
 * @param points from nothing deferred to half of the texts
 */
public record Deferral(List<Point> points) {
  /** Shares that are aimed at, in percent. */
  private static final int[] SHARES = {0, 1, 2, 5, 10, 15, 20, 30, 40, 50};

  /** Thresholds have four digits, so that what is printed is what was measured. */
  private static final double DIGITS = 1e4;

  /**
   * One threshold.
   *
   * @param threshold of {@link maque.runtime.Predictor#predictOrDefer}: less sure is deferred
   * @param deferred part of the texts that is deferred
   * @param kept accuracy on the others; NaN where there are none
   * @param cascade accuracy on all texts where a teacher answers the deferred ones; NaN without one
   */
  public record Point(double threshold, double deferred, double kept, double cascade) {}

  public Deferral {
    points = List.copyOf(points);
  }

  /**
   * Measures on texts of known class.
   *
   * @param temperature the model's
   * @param teacher the class that the teacher gives each text; null without one
   */
  public static Deferral of(float[][] logits, int[] gold, double temperature, int[] teacher) {
    if (gold.length == 0
        || gold.length != logits.length
        || teacher != null && teacher.length != gold.length) {
      throw new InvalidInputException("deferral needs a class and an answer for each text");
    }
    int[] predicted = new int[gold.length];
    double[] sure = new double[gold.length];
    for (int i = 0; i < gold.length; i++) {
      predicted[i] = Objective.argmax(logits[i], 0, logits[i].length);
      sure[i] = (float) Calibration.softmax(logits[i], temperature)[predicted[i]];
    }
    double[] sorted = sure.clone();
    Arrays.sort(sorted);
    List<Point> points = new ArrayList<>();
    double last = -1;
    for (int share : SHARES) {
      int texts = (int) ((long) share * gold.length / 100);
      double threshold = share == 0 ? 0 : Math.floor(sorted[texts] * DIGITS) / DIGITS;
      if (threshold > last) {
        points.add(point(threshold, sure, predicted, gold, teacher));
        last = threshold;
      }
    }
    return new Deferral(points);
  }

  private static Point point(
      double threshold, double[] sure, int[] predicted, int[] gold, int[] teacher) {
    int deferred = 0;
    int right = 0;
    int taught = 0;
    for (int i = 0; i < gold.length; i++) {
      if (sure[i] < threshold) {
        deferred++;
        taught += teacher != null && teacher[i] == gold[i] ? 1 : 0;
      } else {
        right += predicted[i] == gold[i] ? 1 : 0;
      }
    }
    int kept = gold.length - deferred;
    return new Point(
        threshold,
        (double) deferred / gold.length,
        kept == 0 ? Double.NaN : (double) right / kept,
        teacher == null ? Double.NaN : (double) (right + taught) / gold.length);
  }
}
