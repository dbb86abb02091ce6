package maque.benchmarks;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import maque.training.onnx.OnnxFile;

/** The students as ONNX graphs, in floats or with int8 weights. */
final class StudentGraph {
  private static final String[] DIRECTIONS = {"", "_reverse"};

  private final OnnxFile onnx = new OnnxFile();
  private final Weights weights;
  private final StudentShape shape;
  private final boolean int8;

  private StudentGraph(Weights weights, StudentShape shape, boolean int8) {
    this.weights = weights;
    this.shape = shape;
    this.int8 = int8;
  }

  /** Input {@code x} [texts, in], output {@code out} [texts, classes]. */
  static void document(Weights weights, StudentShape shape, boolean int8, Path file) {
    new StudentGraph(weights, shape, int8).document(file);
  }

  /**
   * Inputs {@code ids} [texts, time], {@code lengths} [texts], and {@code late} [time, texts, 1],
   * which is added to the logits: 0 within a text, very little after its end. Output {@code out}
   * [texts, classes].
   */
  static void sequence(Weights weights, StudentShape shape, boolean int8, Path file) {
    new StudentGraph(weights, shape, int8).sequence(file);
  }

  private void document(Path file) {
    lstmWeights();
    headWeights();
    onnx.input("x", OnnxFile.FLOAT, "x_0", "x_1");
    onnx.integers("one_step", 1, -1, shape.in());
    onnx.integers("joined", -1, 2L * shape.hidden());
    onnx.node("Reshape", "steps", "x one_step");
    lstm("- final", "steps", "-");
    onnx.node("Transpose", "by_text", "final", "perm", new long[] {1, 0, 2});
    onnx.node("Reshape", "features", "by_text joined");
    head("features", "out");
    onnx.output("out", "out_0", "out_1");
    onnx.save(file);
  }

  private void sequence(Path file) {
    onnx.floats("embedding", weights.get("embedding.weight"), weights.shape("embedding.weight"));
    lstmWeights();
    headWeights();
    onnx.input("ids", OnnxFile.INT64, "ids_0", "ids_1");
    onnx.input("lengths", OnnxFile.INT32, "lengths_0");
    onnx.input("late", OnnxFile.FLOAT, "late_0", "late_1", "late_2");
    onnx.integers("joined", 0, 0, 2L * shape.hidden());
    onnx.node("Transpose", "by_time", "ids", "perm", new long[] {1, 0});
    onnx.node("Gather", "x", "embedding by_time");
    lstm("all", "x", "lengths");
    onnx.node("Transpose", "turned", "all", "perm", new long[] {0, 2, 1, 3});
    onnx.node("Reshape", "features", "turned joined");
    head("features", "logits");
    onnx.node("Add", "within", "logits late");
    onnx.node("ReduceMax", "out", "within", "axes", new long[] {0}, "keepdims", 0L);
    onnx.output("out", "out_0", "out_1");
    onnx.save(file);
  }

  private void lstm(String outputs, String x, String lengths) {
    String operator = int8 ? OnnxFile.OWN + "DynamicQuantizeLSTM" : "LSTM";
    String scales = int8 ? " - - - W_scale W_zero R_scale R_zero" : "";
    onnx.node(
        operator,
        outputs,
        x + " W R B " + lengths + scales,
        "direction",
        "bidirectional",
        "hidden_size",
        (long) shape.hidden());
  }

  /** PyTorch's gates are i, f, g, o; ONNX has i, o, f, c. */
  private void lstmWeights() {
    int hidden = shape.hidden();
    matrices("W", "weight_ih_l0", shape.in());
    matrices("R", "weight_hh_l0", hidden);
    float[] biases = new float[16 * hidden];
    for (int d = 0; d < 2; d++) {
      copyGates("bias_ih_l0" + DIRECTIONS[d], hidden, biases, 8 * d * hidden);
      copyGates("bias_hh_l0" + DIRECTIONS[d], hidden, biases, (8 * d + 4) * hidden);
    }
    onnx.floats("B", biases, 2, 8L * hidden);
  }

  /** Both directions' matrices [4 * hidden, in]; turned where they are int8. */
  private void matrices(String name, String tensor, int in) {
    int rows = 4 * shape.hidden();
    float[] all = new float[2 * rows * in];
    for (int d = 0; d < 2; d++) {
      copyGates(tensor + DIRECTIONS[d], shape.hidden() * in, all, d * rows * in);
    }
    if (!int8) {
      onnx.floats(name, all, 2, rows, in);
      return;
    }
    byte[] bytes = new byte[all.length];
    float[] scales = new float[2 * rows];
    for (int d = 0; d < 2; d++) {
      float[] one = java.util.Arrays.copyOfRange(all, d * rows * in, (d + 1) * rows * in);
      System.arraycopy(OnnxWeights.transposed(one, rows, in), 0, all, d * rows * in, one.length);
      OnnxWeights.quantise(all, d * rows * in, in, rows, bytes, scales, d * rows);
    }
    onnx.tensor(name, OnnxFile.INT8, ByteBuffer.wrap(bytes), 2, in, rows);
    onnx.floats(name + "_scale", scales, 2, rows);
    onnx.tensor(name + "_zero", OnnxFile.INT8, ByteBuffer.wrap(new byte[2 * rows]), 2, rows);
  }

  private void copyGates(String tensor, int size, float[] to, int at) {
    int[] order = {0, 3, 1, 2};
    for (int g = 0; g < 4; g++) {
      System.arraycopy(weights.get("lstm." + tensor), order[g] * size, to, at + g * size, size);
    }
  }

  private void headWeights() {
    for (int i = 0; i < 2; i++) {
      String name = "head." + 2 * i;
      long[] dims = weights.shape(name + ".weight");
      int out = (int) dims[0];
      int in = (int) dims[1];
      float[] turned = OnnxWeights.transposed(weights.get(name + ".weight"), out, in);
      if (int8) {
        OnnxWeights.quantised(onnx, "w" + i, turned, in, out);
      } else {
        onnx.floats("w" + i, turned, in, out);
      }
      onnx.floats("b" + i, weights.get(name + ".bias"), out);
    }
  }

  private void head(String in, String out) {
    linear("h", in, 0);
    onnx.node("Relu", "r", "h");
    linear(out, "r", 1);
  }

  private void linear(String out, String in, int layer) {
    if (int8) {
      onnx.node(
          OnnxFile.OWN + "DynamicQuantizeMatMul",
          out,
          String.format("%s w%d w%d_scale - b%d", in, layer, layer, layer));
    } else {
      onnx.node("MatMul", out + "_product", in + " w" + layer);
      onnx.node("Add", out, out + "_product b" + layer);
    }
  }
}
