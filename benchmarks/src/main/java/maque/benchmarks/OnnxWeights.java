package maque.benchmarks;

import java.nio.ByteBuffer;
import maque.runtime.Maque;
import maque.training.onnx.OnnxFile;

/** Weights as ONNX's operators take them: turned, and in int8. */
final class OnnxWeights {
  /**
   * The largest int8 weight. Without VNNI ONNX Runtime adds two products of weights and unsigned
   * bytes in 16 bits, which overflow above 64; its own tools call smaller weights "reduced range".
   */
  private static final int LARGEST = Maque.info().int8().contains("vnni") ? 127 : 63;

  private OnnxWeights() {}

  /** For the names of files with such weights. */
  static String range() {
    return "int8-" + LARGEST;
  }

  /** A matrix [rows, columns] as int8 and a scale for each column, under NAME and NAME_scale. */
  static void quantised(OnnxFile onnx, String name, float[] matrix, int rows, int columns) {
    byte[] bytes = new byte[matrix.length];
    float[] scales = new float[columns];
    quantise(matrix, 0, rows, columns, bytes, scales, 0);
    onnx.tensor(name, OnnxFile.INT8, ByteBuffer.wrap(bytes), rows, columns);
    onnx.floats(name + "_scale", scales, columns);
  }

  /** One matrix that begins at an offset of a larger array; symmetric. */
  static void quantise(
      float[] from, int at, int rows, int columns, byte[] to, float[] scales, int scaleAt) {
    for (int c = 0; c < columns; c++) {
      float largest = 0;
      for (int r = 0; r < rows; r++) {
        largest = Math.max(largest, Math.abs(from[at + r * columns + c]));
      }
      float scale = largest == 0 ? 1 : largest / LARGEST;
      scales[scaleAt + c] = scale;
      for (int r = 0; r < rows; r++) {
        int index = at + r * columns + c;
        to[index] = (byte) Math.rint(from[index] / scale);
      }
    }
  }

  /** A matrix [rows, columns] turned into [columns, rows]. */
  static float[] transposed(float[] matrix, int rows, int columns) {
    float[] turned = new float[matrix.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        turned[j * rows + i] = matrix[i * columns + j];
      }
    }
    return turned;
  }
}
