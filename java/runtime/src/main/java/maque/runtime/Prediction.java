package maque.runtime;

/**
 * The answer to one text.
 *
 * @param label the most probable label; of equal ones the first
 * @param index its place in {@link Predictor#labels()}
 * @param probabilities softmax of the logits divided by the model's {@link
 *     TextClassifier#temperature()}, one for each label, sum 1
 * @param truncated whether the text was cut at the model's {@code max_tokens}
 */
public record Prediction(String label, int index, float[] probabilities, boolean truncated) {
  /** The label's probability: how sure the model is. */
  public float confidence() {
    return probabilities[index];
  }

  /**
   * Places of the k most probable labels in {@link Predictor#labels()}, the most probable first; of
   * equal ones the first, and {@link #index} before all.
   *
   * @throws InvalidInputException where k is not 1 to the number of labels
   */
  public int[] top(int k) {
    if (k < 1 || k > probabilities.length) {
      throw new InvalidInputException(
          "k: expected 1 to " + probabilities.length + " labels, found " + k);
    }
    int[] best = new int[k];
    rank(probabilities, index, best);
    return best;
  }

  /** Fills in the best.length most probable, the first being known. */
  static void rank(float[] probabilities, int first, int[] best) {
    best[0] = first;
    int found = 1;
    for (int i = 0; i < probabilities.length; i++) {
      if (i == first) {
        continue;
      }
      int at = found;
      while (at > 1 && probabilities[i] > probabilities[best[at - 1]]) {
        if (at < best.length) {
          best[at] = best[at - 1];
        }
        at--;
      }
      if (at < best.length) {
        best[at] = i;
        found = Math.min(found + 1, best.length);
      }
    }
  }
}
