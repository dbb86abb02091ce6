package maque.training;

/** The mean of several sources' logits of one text, summed in double in the order of adding. */
final class LogitMean {
  private final double[] sums;
  private final float[] logits;
  private int members;

  LogitMean(int classes) {
    sums = new double[classes];
    logits = new float[classes];
  }

  /** Adds what a source says of a text; returns false where it says nothing. */
  boolean add(LogitSource source, String text) {
    if (!source.read(text, logits, 0)) {
      return false;
    }
    for (int c = 0; c < sums.length; c++) {
      sums[c] += logits[c];
    }
    members++;
    return true;
  }

  /** Writes one float a class from {@code offset}; returns false where nothing was added. */
  boolean write(float[] out, int offset) {
    for (int c = 0; members > 0 && c < sums.length; c++) {
      out[offset + c] = (float) (sums[c] / members);
    }
    return members > 0;
  }
}
