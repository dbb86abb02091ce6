package maque.benchmarks;

/**
 * A batch as Maque takes it: ids end to end, and where each text begins.
 *
 * @param offsets n + 1 long
 */
record Ragged(int[] ids, int[] offsets, int n) {
  static Ragged of(int[]... texts) {
    int[] offsets = new int[texts.length + 1];
    for (int i = 0; i < texts.length; i++) {
      offsets[i + 1] = offsets[i] + texts[i].length;
    }
    int[] ids = new int[offsets[texts.length]];
    for (int i = 0; i < texts.length; i++) {
      System.arraycopy(texts[i], 0, ids, offsets[i], texts[i].length);
    }
    return new Ragged(ids, offsets, texts.length);
  }

  static float[] flat(float[][] rows) {
    float[] flat = new float[rows.length * rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, flat, i * rows[i].length, rows[i].length);
    }
    return flat;
  }
}
