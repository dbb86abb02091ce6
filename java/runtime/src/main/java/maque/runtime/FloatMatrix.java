package maque.runtime;

/** A weight [outputs, inputs] in floats, kept by columns so that loops over outputs vectorize. */
final class FloatMatrix {
  private static final int TILE = 16;

  private final float[] columns;
  private final int inputs;
  private final int outputs;

  /**
   * @param rows [outputs, inputs]
   */
  FloatMatrix(float[] rows, int outputs, int inputs) {
    this.inputs = inputs;
    this.outputs = outputs;
    columns = transposed(rows, outputs, inputs);
  }

  /** By tiles of rows, whose lines of the cache are used whole. */
  static float[] transposed(float[] rows, int outputs, int inputs) {
    float[] columns = new float[rows.length];
    for (int begin = 0; begin < outputs; begin += TILE) {
      int end = Math.min(outputs, begin + TILE);
      for (int p = 0; p < inputs; p++) {
        for (int j = begin; j < end; j++) {
          columns[p * outputs + j] = rows[j * inputs + p];
        }
      }
    }
    return columns;
  }

  /** y += W x; every sum goes on as one chain of fused multiply-adds over the inputs. */
  void addProduct(float[] x, int xAt, float[] y) {
    float[] w = columns;
    int n = outputs;
    int p = 0;
    int from = 0;
    for (; p + 4 <= inputs; p += 4, from += 4 * n) {
      float x0 = x[xAt + p];
      float x1 = x[xAt + p + 1];
      float x2 = x[xAt + p + 2];
      float x3 = x[xAt + p + 3];
      int second = from + n;
      int third = second + n;
      int fourth = third + n;
      for (int j = 0; j < n; j++) {
        float sum = JavaMath.fma(x0, w[from + j], y[j]);
        sum = JavaMath.fma(x1, w[second + j], sum);
        sum = JavaMath.fma(x2, w[third + j], sum);
        y[j] = JavaMath.fma(x3, w[fourth + j], sum);
      }
    }
    for (; p < inputs; p++, from += n) {
      float x0 = x[xAt + p];
      for (int j = 0; j < n; j++) {
        y[j] = JavaMath.fma(x0, w[from + j], y[j]);
      }
    }
  }

  long bytes() {
    return 4L * columns.length;
  }
}
