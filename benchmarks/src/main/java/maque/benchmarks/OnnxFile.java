package maque.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes the students as ONNX files (opset 17), so that ONNX Runtime runs the same weights. Field
 * numbers: onnx.proto3.
 */
final class OnnxFile {
  private static final int FLOAT = 1;
  private static final int INT64 = 7;

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

    Message put(int field, byte[] value) {
      varint((long) field << 3 | 2).varint(value.length);
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

  private OnnxFile() {}

  /** Input {@code x} [texts, in], output {@code out} [texts, classes]. */
  static void document(Weights weights, int in, int hidden, Path file) throws IOException {
    OnnxFile onnx = new OnnxFile();
    onnx.lstmWeights(weights, in, hidden);
    onnx.headWeights(weights);
    onnx.value(11, "x", FLOAT);
    onnx.integers("one_step", 1, -1, in);
    onnx.integers("joined", -1, 2L * hidden);
    onnx.node("Reshape", "steps", "x one_step");
    onnx.lstm("", "final", "steps", hidden);
    onnx.node("Transpose", "by_text", "final", "perm", new long[] {1, 0, 2});
    onnx.node("Reshape", "features", "by_text joined");
    onnx.node("Gemm", "h", "features w1 b1");
    onnx.node("Relu", "r", "h");
    onnx.node("Gemm", "out", "r w2 b2");
    onnx.value(12, "out", FLOAT);
    onnx.save(file);
  }

  /** Input {@code ids} [texts, time], output {@code out} [texts, classes]. */
  static void sequence(Weights weights, int in, int hidden, Path file) throws IOException {
    OnnxFile onnx = new OnnxFile();
    onnx.floats("embedding", weights.get("embedding.weight"), weights.shape("embedding.weight"));
    onnx.lstmWeights(weights, in, hidden);
    onnx.headWeights(weights);
    onnx.value(11, "ids", INT64);
    onnx.integers("joined", 0, 0, 2L * hidden);
    onnx.node("Transpose", "by_time", "ids", "perm", new long[] {1, 0});
    onnx.node("Gather", "x", "embedding by_time");
    onnx.lstm("all", "", "x", hidden);
    onnx.node("Transpose", "turned", "all", "perm", new long[] {0, 2, 1, 3});
    onnx.node("Reshape", "features", "turned joined");
    onnx.node("MatMul", "h0", "features w1");
    onnx.node("Add", "h", "h0 b1");
    onnx.node("Relu", "r", "h");
    onnx.node("MatMul", "l0", "r w2");
    onnx.node("Add", "l", "l0 b2");
    onnx.node("ReduceMax", "out", "l", "axes", new long[] {0}, "keepdims", 0L);
    onnx.value(12, "out", FLOAT);
    onnx.save(file);
  }

  private void lstm(String all, String last, String x, int hidden) {
    node(
        "LSTM",
        all.isEmpty() ? "- " + last : all,
        x + " W R B",
        "direction",
        "bidirectional",
        "hidden_size",
        (long) hidden);
  }

  /** PyTorch's gates are i, f, g, o; ONNX has i, o, f, c. */
  private void lstmWeights(Weights weights, int in, int hidden) {
    float[] w = new float[8 * hidden * in];
    float[] r = new float[8 * hidden * hidden];
    float[] b = new float[16 * hidden];
    int[] order = {0, 3, 1, 2};
    for (int d = 0; d < 2; d++) {
      String suffix = d == 0 ? "" : "_reverse";
      for (int g = 0; g < 4; g++) {
        copyGate(
            weights, "weight_ih_l0" + suffix, order[g], hidden * in, w, (4 * d + g) * hidden * in);
        copyGate(
            weights,
            "weight_hh_l0" + suffix,
            order[g],
            hidden * hidden,
            r,
            (4 * d + g) * hidden * hidden);
        copyGate(weights, "bias_ih_l0" + suffix, order[g], hidden, b, (8 * d + g) * hidden);
        copyGate(weights, "bias_hh_l0" + suffix, order[g], hidden, b, (8 * d + 4 + g) * hidden);
      }
    }
    floats("W", w, 2, 4L * hidden, in);
    floats("R", r, 2, 4L * hidden, hidden);
    floats("B", b, 2, 8L * hidden);
  }

  private static void copyGate(
      Weights weights, String name, int gate, int size, float[] to, int at) {
    System.arraycopy(weights.get("lstm." + name), gate * size, to, at, size);
  }

  private void headWeights(Weights weights) {
    for (int i = 0; i < 2; i++) {
      String name = "head." + 2 * i;
      long[] shape = weights.shape(name + ".weight");
      float[] turned = transposed(weights.get(name + ".weight"), (int) shape[0], (int) shape[1]);
      floats("w" + (i + 1), turned, shape[1], shape[0]);
      floats("b" + (i + 1), weights.get(name + ".bias"), shape[0]);
    }
  }

  private static float[] transposed(float[] matrix, int rows, int columns) {
    float[] turned = new float[matrix.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        turned[j * rows + i] = matrix[i * columns + j];
      }
    }
    return turned;
  }

  private void floats(String name, float[] values, long... dims) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    tensor(name, FLOAT, raw.array(), dims);
  }

  private void integers(String name, long... values) {
    ByteBuffer raw = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asLongBuffer().put(values);
    tensor(name, INT64, raw.array(), values.length);
  }

  private void tensor(String name, int type, byte[] raw, long... dims) {
    Message tensor = new Message();
    for (long dim : dims) {
      tensor.put(1, dim);
    }
    graph.put(5, tensor.put(2, type).put(8, name).put(9, raw));
  }

  /** Names separated by blanks; - stands for an output that is not wanted. */
  private void node(String op, String outputs, String inputs, Object... attributes) {
    Message node = new Message();
    for (String input : inputs.split(" ")) {
      node.put(1, input);
    }
    for (String output : outputs.split(" ")) {
      node.put(2, output.equals("-") ? "" : output);
    }
    node.put(4, op);
    for (int i = 0; i < attributes.length; i += 2) {
      node.put(5, attribute((String) attributes[i], attributes[i + 1]));
    }
    graph.put(1, node);
  }

  private static Message attribute(String name, Object value) {
    Message attribute = new Message().put(1, name);
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

  /** An input (field 11) or output (12) of two free dimensions. */
  private void value(int field, String name, int type) {
    Message shape =
        new Message()
            .put(1, new Message().put(2, name + "_rows"))
            .put(1, new Message().put(2, name + "_columns"));
    Message tensor = new Message().put(1, type).put(2, shape);
    graph.put(field, new Message().put(1, name).put(2, new Message().put(1, tensor)));
  }

  private void save(Path file) throws IOException {
    graph.put(2, "student");
    Message model =
        new Message().put(1, 8).put(7, graph).put(8, new Message().put(1, "").put(2, 17));
    Files.write(file, model.out.toByteArray());
  }
}
