package maque.training;

/**
 * The objective of {@code kernels/objective.h} on given logits, in double and without gradients,
 * for evaluation. {@link StrictMath} gives the same numbers on every machine.
 */
final class Objective {
  private final double ceWeight;
  private final double softWeight;
  private final boolean kl;
  private final double temperature;
  private final float[] classWeights;

  /**
   * @param classWeights weight of each class in the cross entropy; empty: all 1
   */
  Objective(
      double ceWeight,
      double softWeight,
      String softLoss,
      double temperature,
      float... classWeights) {
    this.ceWeight = ceWeight;
    this.softWeight = softWeight;
    kl = softLoss.equals("kl");
    this.temperature = temperature;
    this.classWeights = classWeights;
  }

  /** Cross entropy alone. */
  static Objective crossEntropy(float... classWeights) {
    return new Objective(1, 0, "mse", 1, classWeights);
  }

  boolean usesSoft() {
    return softWeight > 0;
  }

  /** Sums over texts, added one text at a time. */
  final class Sum {
    private double ce;
    private double weights;
    private double soft;
    private long labelled;
    private long withSoft;
    private long correct;

    /**
     * Adds the text whose logits begin at {@code at}.
     *
     * @param teacher logits of the same layout, or null
     */
    void add(float[] logits, int at, int classes, int label, float[] teacher) {
      if (label >= 0) {
        labelled++;
        double weight = classWeights.length == 0 ? 1 : classWeights[label];
        weights += weight;
        ce += weight * (logSumExp(logits, at, classes, 1) - logits[at + label]);
        correct += argmax(logits, at, classes) == label ? 1 : 0;
      }
      if (teacher != null && softWeight > 0) {
        withSoft++;
        soft +=
            kl ? divergence(teacher, logits, at, classes) : squares(teacher, logits, at, classes);
      }
    }

    double loss() {
      double ceMean = weights == 0 ? 0 : ce / weights;
      double softMean = withSoft == 0 ? 0 : soft / withSoft;
      return ceWeight * ceMean + softWeight * softMean;
    }

    double accuracy() {
      return labelled == 0 ? 0 : (double) correct / labelled;
    }
  }

  /** First index of the largest of the classes. */
  static int argmax(float[] logits, int at, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++) {
      best = logits[at + c] > logits[at + best] ? c : best;
    }
    return best;
  }

  private static double squares(float[] t, float[] s, int at, int classes) {
    double sum = 0;
    for (int c = 0; c < classes; c++) {
      double d = (double) s[at + c] - t[at + c];
      sum += d * d;
    }
    return sum / classes;
  }

  private double divergence(float[] t, float[] s, int at, int classes) {
    double zt = logSumExp(t, at, classes, temperature);
    double zs = logSumExp(s, at, classes, temperature);
    double sum = 0;
    for (int c = 0; c < classes; c++) {
      double logT = t[at + c] / temperature - zt;
      double logS = s[at + c] / temperature - zs;
      sum += StrictMath.exp(logT) * (logT - logS);
    }
    return temperature * temperature * sum;
  }

  private static double logSumExp(float[] x, int at, int classes, double temperature) {
    double max = x[at + argmax(x, at, classes)] / temperature;
    double sum = 0;
    for (int c = 0; c < classes; c++) {
      sum += StrictMath.exp(x[at + c] / temperature - max);
    }
    return max + StrictMath.log(sum);
  }
}
