package maque.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Writes graphs as ONNX files (opset 17, with ONNX Runtime's own operators), so that ONNX Runtime
 * runs the same weights. Field numbers: onnx.proto3.
 */
final class OnnxFile {
  static final int FLOAT = 1;
  static final int INT8 = 3;
  static final int INT32 = 6;
  static final int INT64 = 7;

  /** The domain of ONNX Runtime's own operators, as a prefix of an operator's name. */
  static final String OWN = "com.microsoft/";

  /** A protobuf message. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Message varint(long value) {
      long rest = value;
      for (; (rest & ~0x7fL) != 0; rest >>>= 7) {
        out.write((int) (rest & 0x7f | 0x80));
      }
      out.write((int) rest);
      return this;
    }

    Message put(int field, long value) {
      return varint((long) field << 3).varint(value);
    }

    Message put(int field, float value) {
      varint((long) field << 3 | 5);
      int bits = Float.floatToIntBits(value);
      for (int shift = 0; shift < 32; shift += 8) {
        out.write(bits >>> shift);
      }
      return this;
    }

    private Message length(int field, int bytes) {
      return varint((long) field << 3 | 2).varint(bytes);
    }

    Message put(int field, byte[] value) {
      length(field, value.length);
      out.writeBytes(value);
      return this;
    }

    Message put(int field, String value) {
      return put(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message put(int field, Message value) {
      return put(field, value.out.toByteArray());
    }
  }

  private final Message graph = new Message();

  /** A matrix [rows, columns] as int8 and a scale for each column, under NAME and NAME_scale. */
  void quantised(String name, float[] matrix, int rows, int columns) {
    byte[] bytes = new byte[matrix.length];
    float[] scales = new float[columns];
    quantise(matrix, 0, rows, columns, bytes, scales, 0);
    tensor(name, INT8, bytes, rows, columns);
    floats(name + "_scale", scales, columns);
  }

  /** One matrix that begins at an offset of a larger array; symmetric, up to 127. */
  static void quantise(
      float[] from, int at, int rows, int columns, byte[] to, float[] scales, int scaleAt) {
    for (int c = 0; c < columns; c++) {
      float largest = 0;
      for (int r = 0; r < rows; r++) {
        largest = Math.max(largest, Math.abs(from[at + r * columns + c]));
      }
      float scale = largest == 0 ? 1 : largest / 127;
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

  void floats(String name, float[] values, long... dims) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    tensor(name, FLOAT, raw.array(), dims);
  }

  void integers(String name, long... values) {
    ByteBuffer raw = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asLongBuffer().put(values);
    tensor(name, INT64, raw.array(), values.length);
  }

  void tensor(String name, int type, byte[] raw, long... dims) {
    Message tensor = new Message();
    for (long dim : dims) {
      tensor.put(1, dim);
    }
    tensor.put(2, type).put(8, name).length(9, raw.length);
    // Not as a nested message: a large model's weights would be copied once more.
    graph.length(5, tensor.out.size() + raw.length);
    graph.out.writeBytes(tensor.out.toByteArray());
    graph.out.writeBytes(raw);
  }

  /** Names separated by blanks; - stands for an input or output that is not wanted. */
  void node(String op, String outputs, String inputs, Object... attributes) {
    Message node = new Message();
    for (String input : inputs.split(" ")) {
      node.put(1, input.equals("-") ? "" : input);
    }
    for (String output : outputs.split(" ")) {
      node.put(2, output.equals("-") ? "" : output);
    }
    int domain = op.indexOf('/');
    node.put(4, op.substring(domain + 1));
    for (int i = 0; i < attributes.length; i += 2) {
      node.put(5, attribute((String) attributes[i], attributes[i + 1]));
    }
    if (domain > 0) {
      node.put(7, op.substring(0, domain));
    }
    graph.put(1, node);
  }

  private static Message attribute(String name, Object value) {
    Message attribute = new Message().put(1, name);
    if (value instanceof Float number) {
      return attribute.put(2, number).put(20, 1);
    }
    if (value instanceof Long integer) {
      return attribute.put(3, integer).put(20, 2);
    }
    if (value instanceof String text) {
      return attribute.put(4, text).put(20, 3);
    }
    for (long integer : (long[]) value) {
      attribute.put(8, integer);
    }
    return attribute.put(20, 7);
  }

  void input(String name, int type, int rank) {
    graph.put(11, value(name, type, rank));
  }

  void output(String name, int rank) {
    graph.put(12, value(name, FLOAT, rank));
  }

  /** All dimensions are free. */
  private static Message value(String name, int type, int rank) {
    Message shape = new Message();
    for (int i = 0; i < rank; i++) {
      shape.put(1, new Message().put(2, name + "_" + i));
    }
    Message tensor = new Message().put(1, type).put(2, shape);
    return new Message().put(1, name).put(2, new Message().put(1, tensor));
  }

  void save(Path file) {
    graph.put(2, "graph");
    Message head = new Message().put(1, 8);
    head.length(7, graph.out.size());
    Message tail =
        new Message()
            .put(8, new Message().put(1, "").put(2, 17))
            .put(8, new Message().put(1, "com.microsoft").put(2, 1));
    Path half = file.resolveSibling(file.getFileName() + ".half");
    try {
      try (OutputStream out = Files.newOutputStream(half)) {
        head.out.writeTo(out);
        graph.out.writeTo(out);
        tail.out.writeTo(out);
      }
      Files.move(half, file, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
