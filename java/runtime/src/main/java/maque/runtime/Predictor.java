package maque.runtime;

import java.util.List;

/**
 * What answers texts with one of its labels: a {@link Student}, a {@link Teacher}, or a composition
 * of them. Thread-safe; closing it while other threads ask is safe: later calls throw {@link
 * IllegalStateException}. A second close does nothing.
 *
 * <p>Every text has an answer, the empty one too; one that is longer than the model's {@code
 * max_tokens} is cut, and a lone surrogate reads as U+FFFD.
 */
public interface Predictor extends AutoCloseable {
  /** Class names in the order of the probabilities; the same as long as this is open. */
  List<String> labels();

  /** Label and probabilities of one text. */
  Prediction predict(CharSequence text);

  /**
   * The answer to each text, in the texts' order; none depends on the others. Faster than one by
   * one.
   */
  List<Prediction> predictAll(List<? extends CharSequence> texts);

  /**
   * Label and probabilities of one text, deferred where the label's probability is below a
   * threshold. What a threshold costs and gains is measured by {@code maque evaluate} on labelled
   * texts.
   *
   * @param threshold 0 (nothing is deferred) to 1
   * @throws InvalidInputException for another threshold
   */
  default Decision predictOrDefer(CharSequence text, double threshold) {
    Decision.checkThreshold(threshold);
    return Decision.of(predict(text), threshold);
  }

  @Override
  void close();

  /**
   * Answers texts into the caller's buffers and allocates nothing once the longest text has been
   * seen (with WordPiece and the built-in segmenters). Not safe for two threads at once; any number
   * of sessions may share a model. Needs no close; after the model's, calls throw {@link
   * IllegalStateException}.
   */
  interface Session {
    /** What {@link #predictOrDefer} returns for a text that the model is not sure of. */
    int DEFERRED = -1;

    /**
     * Answers one text.
     *
     * @param probabilities receives one for each label, in their order; exactly that long
     * @return the index of the most probable label; of equal ones the first
     * @throws InvalidInputException where probabilities has another length
     */
    int predict(CharSequence text, float[] probabilities);

    /**
     * As {@link #predict}, but {@link #DEFERRED} where the label's probability is below the
     * threshold; the probabilities are filled in all the same.
     *
     * @param threshold 0 (nothing is deferred) to 1
     * @throws InvalidInputException for another threshold
     */
    default int predictOrDefer(CharSequence text, double threshold, float[] probabilities) {
      Decision.checkThreshold(threshold);
      int best = predict(text, probabilities);
      return probabilities[best] < threshold ? DEFERRED : best;
    }

    /**
     * As {@link #predict}, and ranks the most probable labels.
     *
     * @param best receives their indexes, the most probable first, of equal ones the first; 1 to as
     *     many as there are labels
     * @return best[0]
     * @throws InvalidInputException where best is empty or longer than the labels
     */
    default int predictTop(CharSequence text, float[] probabilities, int[] best) {
      if (best.length < 1 || best.length > probabilities.length) {
        throw new InvalidInputException(
            "best: expected length 1 to " + probabilities.length + ", found " + best.length);
      }
      int first = predict(text, probabilities);
      Prediction.rank(probabilities, first, best);
      return first;
    }

    /** Whether the last text was cut at the model's {@code max_tokens}. */
    boolean truncated();
  }
}
