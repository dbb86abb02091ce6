package maque.training;

import java.nio.ByteBuffer;

/**
 * First embeddings, one row a token.
 *
 * @param known which rows came from somewhere; the others are zeros until they are filled
 */
record EmbeddingMatrix(int rows, int width, float[] values, boolean[] known) {
  static EmbeddingMatrix empty(int rows, int width) {
    return new EmbeddingMatrix(
        rows, width, new float[Math.multiplyExact(rows, width)], new boolean[rows]);
  }

  void set(int row, float[] vector) {
    System.arraycopy(vector, 0, values, row * width, width);
    known[row] = true;
  }

  int unknown() {
    int count = 0;
    for (boolean row : known) {
      count += row ? 0 : 1;
    }
    return count;
  }

  /** Brings the known rows to a standard deviation over all of their elements. */
  void scaleTo(double sd) {
    double sum = 0;
    double squares = 0;
    long n = 0;
    for (int i = 0; i < values.length; i++) {
      if (known[i / width]) {
        sum += values[i];
        squares += (double) values[i] * values[i];
        n++;
      }
    }
    double variance = n == 0 ? 0 : squares / n - sum / n * (sum / n);
    if (variance > 0) {
      double factor = sd / StrictMath.sqrt(variance);
      for (int i = 0; i < values.length; i++) {
        values[i] *= (float) factor;
      }
    }
  }

  /** Brings each dimension to mean 0 and variance 1 over the known rows; the others stay 0. */
  void standardize() {
    for (int c = 0; c < width; c++) {
      double sum = 0;
      double squares = 0;
      int n = 0;
      for (int r = 0; r < rows; r++) {
        double x = known[r] ? values[r * width + c] : 0;
        sum += x;
        squares += x * x;
        n += known[r] ? 1 : 0;
      }
      double mean = n == 0 ? 0 : sum / n;
      double variance = n == 0 ? 0 : squares / n - mean * mean;
      double factor = variance > 0 ? 1 / StrictMath.sqrt(variance) : 0;
      for (int r = 0; r < rows; r++) {
        if (known[r]) {
          values[r * width + c] = (float) ((values[r * width + c] - mean) * factor);
        }
      }
    }
  }

  /** Fills the rows that are not known with normal numbers. */
  void fillUnknown(SeededRandom random, double sd) {
    for (int r = 0; r < rows; r++) {
      if (!known[r]) {
        System.arraycopy(random.normal(width, sd), 0, values, r * width, width);
      }
    }
  }

  String hash() {
    ByteBuffer bytes = ByteBuffer.allocate(4 * width);
    Sha256 sha = new Sha256();
    for (int r = 0; r < rows; r++) {
      bytes.asFloatBuffer().put(values, r * width, width);
      sha.add(bytes);
    }
    return sha.hex();
  }
}
