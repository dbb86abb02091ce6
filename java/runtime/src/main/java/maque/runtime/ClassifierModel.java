package maque.runtime;

/**
 * What computes a classifier's logits. Immutable and thread-safe; closing it amid calls is safe.
 */
interface ClassifierModel extends AutoCloseable {
  /**
   * Logits of n texts; see {@code maque_predict}.
   *
   * @param brief whether this takes less than a millisecond
   * @throws InvalidInputException for wrong ids or offsets, or where out is too short
   * @throws IllegalStateException after {@link #close()}
   */
  void predict(int[] ids, int idsLength, int[] offsets, int n, float[] out, boolean brief);

  /**
   * As {@link #predict(int[], int, int[], int, float[], boolean)}, of a model with n-grams; ids and
   * offsets are null where it reads nothing else.
   */
  void predict(
      int[] ids, int idsLength, int[] offsets, Bags bags, int n, float[] out, boolean brief);

  /** Bytes of memory that the model holds, its scratch included. */
  long bytes();

  @Override
  void close();
}
