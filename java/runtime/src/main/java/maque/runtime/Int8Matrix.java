package maque.runtime;

import java.util.Arrays;

/**
 * A weight [outputs, inputs] of whole numbers with a scale for each output. They are kept as
 * floats, by columns: sums of up to {@value #EXACT} products of 63 by 127 are exact in a float, and
 * loops of float multiplication and addition vectorize on every JVM, which those of bytes do not.
 */
final class Int8Matrix {
  /** kLstmStateStep of {@code kernels/lstm_int8.h}: 1 / 63. */
  static final float STATE_STEP = 0x1.041042p-6f;

  private static final int STEPS = 63;
  private static final int EXACT = 2048;

  /** Adding and subtracting it rounds a small float to a whole number, ties to even. */
  private static final float ROUND = 12582912.0f;

  private final float[] columns;
  private final float[] scales;
  private final int inputs;

  /**
   * @param rows [outputs, inputs], whole numbers of -127 to 127
   * @param scales [outputs]
   */
  Int8Matrix(float[] rows, float[] scales, int inputs) {
    this.scales = scales;
    this.inputs = inputs;
    columns = FloatMatrix.transposed(rows, scales.length, inputs);
  }

  int inputs() {
    return inputs;
  }

  float[] scales() {
    return scales;
  }

  long bytes() {
    return 4L * columns.length + 4L * scales.length;
  }

  /**
   * Whole numbers x * 63, x in (-1, 1).
   *
   * @param q receives them
   */
  static void quantizeState(float[] x, int xAt, int n, float[] q) {
    for (int p = 0; p < n; p++) {
      q[p] = (x[xAt + p] * STEPS + ROUND) - ROUND;
    }
  }

  /**
   * Whole numbers x * 63 / max |x|; see {@code kernels/quantize_int8.h}.
   *
   * @param q receives them
   * @return max |x| / 63
   */
  static float quantizeRow(float[] x, int xAt, int n, float[] q) {
    float max = 0;
    for (int p = 0; p < n; p++) {
      max = Math.max(max, Math.abs(x[xAt + p]));
    }
    if (max == 0) {
      Arrays.fill(q, 0, n, 0);
      return 0;
    }
    float r = STEPS / max;
    for (int p = 0; p < n; p++) {
      int rounded = (int) Math.rint(x[xAt + p] * r);
      q[p] = Math.max(-STEPS, Math.min(STEPS, rounded));
    }
    return max / STEPS;
  }

  /** y = the sums over p of q[p] * W[j, p], as whole numbers rounded to float. */
  void product(float[] q, float[] y) {
    if (inputs <= EXACT) {
      product(q, 0, inputs, y);
      return;
    }
    int[] sums = new int[scales.length];
    for (int begin = 0; begin < inputs; begin += EXACT) {
      product(q, begin, Math.min(inputs, begin + EXACT), y);
      for (int j = 0; j < sums.length; j++) {
        sums[j] += (int) y[j];
      }
    }
    for (int j = 0; j < sums.length; j++) {
      y[j] = sums[j];
    }
  }

  private void product(float[] q, int begin, int end, float[] y) {
    float[] w = columns;
    int n = scales.length;
    Arrays.fill(y, 0, n, 0);
    int p = begin;
    int from = begin * n;
    for (; p + 4 <= end; p += 4, from += 4 * n) {
      float q0 = q[p];
      float q1 = q[p + 1];
      float q2 = q[p + 2];
      float q3 = q[p + 3];
      int second = from + n;
      int third = second + n;
      int fourth = third + n;
      for (int j = 0; j < n; j++) {
        y[j] =
            y[j] + q0 * w[from + j] + q1 * w[second + j] + q2 * w[third + j] + q3 * w[fourth + j];
      }
    }
    for (; p < end; p++, from += n) {
      float q0 = q[p];
      for (int j = 0; j < n; j++) {
        y[j] += q0 * w[from + j];
      }
    }
  }
}
