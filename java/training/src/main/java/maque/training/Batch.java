package maque.training;

/**
 * One ragged batch as the native trainer takes it. The arrays are not copied.
 *
 * @param ids token ids of all texts end to end; may be null where {@code trunk} is given; null for
 *     a bag
 * @param offsets text i has ids[offsets[i] .. offsets[i + 1]); n + 1 long; null for a bag
 * @param n number of texts
 * @param labels a class for each text, -1 for none; or null
 * @param soft teacher's logits [n * classes], or null
 * @param hasSoft 1 where a text's soft logits count, else 0; null where all do
 * @param trunk output of the frozen lower part for this batch ({@link Trainer#trunk}), or null
 * @param bagIds buckets of all texts' n-grams end to end; null where the model has none
 * @param bagOffsets text i has bagIds[bagOffsets[i] .. bagOffsets[i + 1]); n + 1 long; or null
 */
public record Batch(
    int[] ids,
    int[] offsets,
    int n,
    int[] labels,
    float[] soft,
    int[] hasSoft,
    float[] trunk,
    int[] bagIds,
    int[] bagOffsets) {
  /** Without n-grams. */
  public Batch(
      int[] ids, int[] offsets, int n, int[] labels, float[] soft, int[] hasSoft, float[] trunk) {
    this(ids, offsets, n, labels, soft, hasSoft, trunk, null, null);
  }

  /** Texts alone. */
  public static Batch of(int[] ids, int[] offsets) {
    return new Batch(ids, offsets, offsets.length - 1, null, null, null, null);
  }

  /** Texts laid end to end. */
  public static Batch of(int[]... texts) {
    int[] offsets = offsets(texts);
    return of(endToEnd(texts, offsets), offsets);
  }

  /** Texts of n-grams alone, for a bag. */
  public static Batch ofBags(int[]... bags) {
    return new Batch(null, null, bags.length, null, null, null, null).withBags(bags);
  }

  private static int[] offsets(int[][] texts) {
    int[] offsets = new int[texts.length + 1];
    for (int i = 0; i < texts.length; i++) {
      offsets[i + 1] = offsets[i] + texts[i].length;
    }
    return offsets;
  }

  private static int[] endToEnd(int[][] texts, int[] offsets) {
    int[] ids = new int[offsets[texts.length]];
    for (int i = 0; i < texts.length; i++) {
      System.arraycopy(texts[i], 0, ids, offsets[i], texts[i].length);
    }
    return ids;
  }

  /** The buckets of each text's n-grams. */
  public Batch withBags(int[]... bags) {
    int[] newOffsets = offsets(bags);
    int[] newIds = endToEnd(bags, newOffsets);
    return new Batch(ids, offsets, n, labels, soft, hasSoft, trunk, newIds, newOffsets);
  }

  /** Other ids of the same texts. */
  Batch withTexts(int[] newIds, int[] newOffsets) {
    return new Batch(newIds, newOffsets, n, labels, soft, hasSoft, trunk, bagIds, bagOffsets);
  }

  public Batch withLabels(int[] newLabels) {
    return new Batch(ids, offsets, n, newLabels, soft, hasSoft, trunk, bagIds, bagOffsets);
  }

  public Batch withSoft(float[] newSoft, int[] newHasSoft) {
    return new Batch(ids, offsets, n, labels, newSoft, newHasSoft, trunk, bagIds, bagOffsets);
  }

  public Batch withTrunk(float[] newTrunk) {
    return new Batch(ids, offsets, n, labels, soft, hasSoft, newTrunk, bagIds, bagOffsets);
  }
}
