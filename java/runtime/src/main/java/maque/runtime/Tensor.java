package maque.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;

/**
 * A named array as safetensors stores it: row-major, little-endian.
 *
 * @param name its name in the file
 * @param dtype safetensors' name of the element type: {@code F32}, {@code F16}, {@code BF16},
 *     {@code F64}, {@code I64}, {@code I32}, {@code I16}, {@code I8}, {@code U64}, {@code U32},
 *     {@code U16}, {@code U8} or {@code BOOL}
 * @param shape sizes, outermost first; empty for a scalar
 * @param data a direct buffer of exactly the elements' bytes; every call of {@link #data()} gives a
 *     view of its own
 */
public record Tensor(String name, String dtype, long[] shape, ByteBuffer data) {
  private static final Map<String, Integer> BYTES =
      Map.ofEntries(
          Map.entry("F64", 8),
          Map.entry("F32", 4),
          Map.entry("F16", 2),
          Map.entry("BF16", 2),
          Map.entry("I64", 8),
          Map.entry("I32", 4),
          Map.entry("I16", 2),
          Map.entry("I8", 1),
          Map.entry("U64", 8),
          Map.entry("U32", 4),
          Map.entry("U16", 2),
          Map.entry("U8", 1),
          Map.entry("BOOL", 1));

  /**
   * Checks that sizes agree.
   *
   * @throws IllegalArgumentException for an unknown dtype, a negative size, a heap buffer, or a
   *     buffer of other size
   */
  public Tensor {
    shape = shape.clone();
    if (!data.isDirect()) {
      throw new IllegalArgumentException(name + ": data must be a direct buffer");
    }
    long bytes = bytes(dtype, shape);
    if (bytes != data.remaining()) {
      throw new IllegalArgumentException(
          name
              + ": "
              + dtype
              + Arrays.toString(shape)
              + " has "
              + bytes
              + " bytes, the buffer "
              + data.remaining());
    }
    data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A float32 tensor of these values (copied). */
  public static Tensor of(String name, long[] shape, float[] values) {
    ByteBuffer data = ByteBuffer.allocateDirect(Math.multiplyExact(values.length, 4));
    data.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return new Tensor(name, "F32", shape, data);
  }

  /**
   * Bytes of a tensor.
   *
   * @throws IllegalArgumentException for an unknown dtype, a negative size, or more bytes than a
   *     long counts
   */
  static long bytes(String dtype, long[] shape) {
    Integer size = BYTES.get(dtype);
    if (size == null) {
      throw new IllegalArgumentException("dtype " + dtype + " is not known");
    }
    long bytes = size;
    try {
      for (long n : shape) {
        if (n < 0) {
          throw new IllegalArgumentException("negative size in " + Arrays.toString(shape));
        }
        bytes = Math.multiplyExact(bytes, n);
      }
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("too many elements in " + Arrays.toString(shape), e);
    }
    return bytes;
  }

  /** A copy. */
  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** A view of the bytes with its own position, little-endian. */
  @Override
  public ByteBuffer data() {
    return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Number of elements. */
  public long elements() {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  /** The same bytes under another name. */
  public Tensor named(String other) {
    return new Tensor(other, dtype, shape, data());
  }

  /** Itself where it is float32, else a float32 copy (F16 and BF16 widen exactly, F64 rounds). */
  public Tensor toF32() {
    return dtype.equals("F32") ? this : of(name, shape, floats());
  }

  /**
   * A copy of the values as float32.
   *
   * @throws IllegalArgumentException where dtype is not F32, F16, BF16 or F64
   */
  public float[] floats() {
    float[] values = new float[Math.toIntExact(elements())];
    ByteBuffer from = data();
    switch (dtype) {
      case "F32" -> from.asFloatBuffer().get(values);
      case "F16" -> fill(values, i -> half(from.getShort(2 * i)));
      case "BF16" -> fill(values, i -> Float.intBitsToFloat(from.getShort(2 * i) << 16));
      case "F64" -> fill(values, i -> (float) from.getDouble(8 * i));
      default -> throw new IllegalArgumentException(name + ": " + dtype + " is no float type");
    }
    return values;
  }

  private interface Element {
    float at(int i);
  }

  private static void fill(float[] values, Element element) {
    for (int i = 0; i < values.length; i++) {
      values[i] = element.at(i);
    }
  }

  /** IEEE 754 binary16 to binary32 (Java has this from version 20 on only). */
  private static float half(short bits) {
    int sign = (bits & 0x8000) << 16;
    int exponent = bits >> 10 & 0x1F;
    int fraction = bits & 0x3FF;
    if (exponent == 0x1F) {
      return Float.intBitsToFloat(sign | 0x7F800000 | fraction << 13);
    }
    if (exponent == 0) {
      float tiny = fraction * 0x1p-24f;
      return sign == 0 ? tiny : -tiny;
    }
    return Float.intBitsToFloat(sign | exponent + 112 << 23 | fraction << 13);
  }

  @Override
  public String toString() {
    return name + " " + dtype + Arrays.toString(shape);
  }
}
