package maque.training;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.Tensor;

/**
 * Turns float32 weights into those of a precision. int8 is symmetric and by groups of elements that
 * lie one after the other, a row of a matrix for one: scale = max |w| / 127 and q = w / scale
 * rounded to nearest, ties to even; a group of zeros has scale 0.
 */
final class Quantizer {
  private static final int LARGEST = 127;

  private final Precision precision;
  private final Map<String, Tensor> out;

  /** Puts what it makes into {@code out}. */
  Quantizer(Precision precision, Map<String, Tensor> out) {
    this.precision = precision;
    this.out = out;
  }

  /** A matrix [rows, columns] under that name, and its scales [rows] as {@code NAME.scale}. */
  void weight(String name, float[] values, int rows, int columns) {
    weight(name, values, new long[] {rows, columns}, name + ".scale", new long[] {rows});
  }

  /**
   * A matrix with scales of a given name and shape.
   *
   * @param scales shape of the scales; its elements divide those of the matrix into groups
   */
  void weight(String name, float[] values, long[] shape, String scaleName, long[] scales) {
    switch (precision) {
      case BF16 -> out.put(name, bf16(name, values, shape));
      case INT8 -> int8(name, values, shape, scaleName, scales);
      default -> out.put(name, Tensor.of(name, shape, values));
    }
  }

  private static Tensor bf16(String name, float[] values, long[] shape) {
    ByteBuffer data = direct(2 * values.length);
    for (int i = 0; i < values.length; i++) {
      int bits = Float.floatToRawIntBits(values[i]);
      int rounded = bits + 0x7FFF + (bits >>> 16 & 1);
      if ((rounded & 0x7F800000) == 0x7F800000) {
        throw new InvalidInputException(
            "tensor " + name + ": " + values[i] + " is beyond what bf16 can hold");
      }
      data.putShort(2 * i, (short) (rounded >>> 16));
    }
    return new Tensor(name, "BF16", shape, data);
  }

  private void int8(String name, float[] values, long[] shape, String scaleName, long[] groups) {
    int count = 1;
    for (long size : groups) {
      count = Math.multiplyExact(count, (int) size);
    }
    int length = count == 0 ? 0 : values.length / count;
    float[] scales = new float[count];
    byte[] quantized = new byte[values.length];
    for (int g = 0; g < count; g++) {
      scales[g] = quantize(values, g * length, length, quantized);
    }
    ByteBuffer data = direct(values.length).put(quantized).flip();
    out.put(name, new Tensor(name, "I8", shape, data));
    out.put(scaleName, Tensor.of(scaleName, groups, scales));
  }

  /** Quantizes one group; returns its scale. */
  private static float quantize(float[] values, int begin, int length, byte[] quantized) {
    float max = 0;
    for (int i = begin; i < begin + length; i++) {
      max = Math.max(max, Math.abs(values[i]));
    }
    float scale = max / LARGEST;
    if (scale == 0) {
      return 0;
    }
    for (int i = begin; i < begin + length; i++) {
      double q = Math.rint(values[i] / scale);
      quantized[i] = (byte) Math.max(-LARGEST, Math.min(LARGEST, q));
    }
    return scale;
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
