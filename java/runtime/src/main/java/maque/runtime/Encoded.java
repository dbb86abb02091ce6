package maque.runtime;

/**
 * A text as a model reads it.
 *
 * @param ids token ids, 0 to the vocabulary's size less 1; owned by the caller
 * @param truncated whether the text had more tokens than the model's maximum
 * @param ngrams buckets of its n-grams; empty where the model has none; owned by the caller
 */
public record Encoded(int[] ids, boolean truncated, int[] ngrams) {
  private static final int[] NONE = {};

  /** A text without n-grams. */
  public Encoded(int[] ids, boolean truncated) {
    this(ids, truncated, NONE);
  }
}
