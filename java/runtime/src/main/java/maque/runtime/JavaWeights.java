package maque.runtime;

import java.nio.ByteBuffer;
import java.util.Map;

/** A student's tensors as the plain Java path takes them, with the native builder's checks. */
final class JavaWeights {
  private static final int LEAST = -127;

  private final Map<String, Tensor> tensors;
  private final String source;

  /**
   * @param source the file that an error names
   */
  JavaWeights(Map<String, Tensor> tensors, String source) {
    this.tensors = tensors;
    this.source = source;
  }

  boolean has(String name) {
    return tensors.containsKey(name);
  }

  Tensor tensor(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new ModelFormatException(source + ": tensor " + name + ": expected one, found none");
    }
    return tensor;
  }

  private boolean isInt8(String name) {
    return tensor(name).dtype().equals("I8");
  }

  /**
   * Values as floats, those of I8 as whole numbers.
   *
   * @throws ModelFormatException for NaN, infinity, or -128
   */
  float[] values(String name) {
    Tensor tensor = tensor(name);
    if (!isInt8(name)) {
      return finite(tensor);
    }
    ByteBuffer data = tensor.data();
    float[] values = new float[data.limit()];
    for (int i = 0; i < values.length; i++) {
      values[i] = data.get(i);
    }
    checkInt8(tensor);
    return values;
  }

  private void checkInt8(Tensor tensor) {
    ByteBuffer data = tensor.data();
    for (int i = 0; i < data.limit(); i++) {
      if (data.get(i) < LEAST) {
        throw new ModelFormatException(
            source + ": tensor " + tensor.name() + ": expected -127 to 127, found -128");
      }
    }
  }

  private float[] finite(Tensor tensor) {
    checkFinite(tensor);
    return tensor.floats();
  }

  /** Float32 and bfloat16: an exponent of ones is NaN or infinity. */
  private void checkFinite(Tensor tensor) {
    ByteBuffer data = tensor.data();
    boolean wide = tensor.dtype().equals("F32");
    int step = wide ? 4 : 2;
    for (int at = 0; at < data.limit(); at += step) {
      int bits = wide ? data.getInt(at) : data.getShort(at) << 16;
      if ((bits & 0x7F800000) == 0x7F800000) {
        throw new ModelFormatException(
            source + ": tensor " + tensor.name() + " holds NaN or infinity");
      }
    }
  }

  /** The table of ids of that name; its values are checked, but not copied. */
  JavaTable table(String name, String scaleName) {
    return table(name, scaleName, tensors.get(ServingTensors.IDS));
  }

  /** The table of n-grams, likewise. */
  JavaTable ngrams() {
    return table(ServingTensors.NGRAMS, ServingTensors.NGRAMS + ".scale", null);
  }

  private JavaTable table(String name, String scaleName, Tensor map) {
    boolean scaled = isInt8(name);
    if (scaled) {
      checkInt8(tensor(name));
    } else {
      checkFinite(tensor(name));
    }
    return new JavaTable(tensor(name), scaled ? tensor(scaleName) : null, map);
  }

  /** A layer with a bias. bounded: see {@link JavaLayer.Int8}. */
  JavaLayer layer(String weight, float[] bias, boolean bounded) {
    return layer(weight, bias, bounded, 0, inputs(weight));
  }

  /** A layer of some columns of a weight. */
  JavaLayer layer(String weight, float[] bias, boolean bounded, int begin, int count) {
    float[] part = columns(values(weight), inputs(weight), begin, count);
    if (isInt8(weight)) {
      Int8Matrix matrix = new Int8Matrix(part, values(weight + ".scale"), count);
      return new JavaLayer.Int8(matrix, bias, bounded);
    }
    return new JavaLayer.Floats(new FloatMatrix(part, bias.length, count), bias);
  }

  private int inputs(String weight) {
    return (int) tensor(weight).shape()[1];
  }

  private static float[] columns(float[] all, int inputs, int begin, int count) {
    if (count == inputs) {
      return all;
    }
    int outputs = all.length / inputs;
    float[] part = new float[outputs * count];
    for (int j = 0; j < outputs; j++) {
      System.arraycopy(all, j * inputs + begin, part, j * count, count);
    }
    return part;
  }

  /** A direction's cell; weight null: a document's. */
  JavaCell cell(String weight, int hidden, boolean int8) {
    if (int8) {
      return new JavaCell.Int8(weight == null ? null : int8(weight, hidden), hidden);
    }
    return new JavaCell.Floats(
        weight == null ? null : new FloatMatrix(values(weight), 4 * hidden, hidden), hidden);
  }

  private Int8Matrix int8(String weight, int inputs) {
    return new Int8Matrix(values(weight), values(weight + ".scale"), inputs);
  }
}
