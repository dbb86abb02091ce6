package maque.runtime;

/**
 * An answer, and whether it is better left to somebody who knows more: a teacher, a human.
 *
 * @param prediction what the model says, sure or not
 * @param deferred whether its {@link Prediction#confidence()} is below the threshold that was asked
 *     for
 */
public record Decision(Prediction prediction, boolean deferred) {
  static Decision of(Prediction prediction, double threshold) {
    checkThreshold(threshold);
    return new Decision(prediction, prediction.confidence() < threshold);
  }

  static void checkThreshold(double threshold) {
    if (!(threshold >= 0 && threshold <= 1)) {
      throw new InvalidInputException("threshold: expected 0 to 1, found " + threshold);
    }
  }
}
