package maque.training;

/**
 * One ragged batch as the native trainer takes it. The arrays are not copied.
 *
 * @param ids token ids of all texts end to end; may be null where {@code trunk} is given
 * @param offsets text i has ids[offsets[i] .. offsets[i + 1]); n + 1 long
 * @param n number of texts
 * @param labels a class for each text, -1 for none; or null
 * @param soft teacher's logits [n * classes], or null
 * @param hasSoft 1 where a text's soft logits count, else 0; null where all do
 * @param trunk output of the frozen lower part for this batch ({@link Trainer#trunk}), or null
 */
public record Batch(
    int[] ids, int[] offsets, int n, int[] labels, float[] soft, int[] hasSoft, float[] trunk) {
  /** Texts alone. */
  public static Batch of(int[] ids, int[] offsets) {
    return new Batch(ids, offsets, offsets.length - 1, null, null, null, null);
  }

  /** Texts laid end to end. */
  public static Batch of(int[]... texts) {
    int[] offsets = new int[texts.length + 1];
    for (int i = 0; i < texts.length; i++) {
      offsets[i + 1] = offsets[i] + texts[i].length;
    }
    int[] ids = new int[offsets[texts.length]];
    for (int i = 0; i < texts.length; i++) {
      System.arraycopy(texts[i], 0, ids, offsets[i], texts[i].length);
    }
    return of(ids, offsets);
  }

  /** Other ids of the same texts. */
  Batch withTexts(int[] newIds, int[] newOffsets) {
    return new Batch(newIds, newOffsets, n, labels, soft, hasSoft, trunk);
  }

  public Batch withLabels(int[] newLabels) {
    return new Batch(ids, offsets, n, newLabels, soft, hasSoft, trunk);
  }

  public Batch withSoft(float[] newSoft, int[] newHasSoft) {
    return new Batch(ids, offsets, n, labels, newSoft, newHasSoft, trunk);
  }

  public Batch withTrunk(float[] newTrunk) {
    return new Batch(ids, offsets, n, labels, soft, hasSoft, newTrunk);
  }
}
