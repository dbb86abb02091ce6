package maque.training.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import maque.runtime.Tensor;

/**
 * A model's graph as it grows: each operation gives the name of its output, weights are taken by
 * their native names.
 */
final class ModelGraph {
  /** Added to what must not win a maximum or have a share of a softmax. */
  static final float LOWEST = -1e30f;

  private final OnnxFile file;
  private final Map<String, Tensor> weights;
  private int names;

  ModelGraph(OnnxFile file, Map<String, Tensor> weights) {
    this.file = file;
    this.weights = weights;
  }

  String node(String op, String inputs, Object... attributes) {
    String name = "v" + names++;
    file.node(op, name, inputs, attributes);
    return name;
  }

  /** An operation whose output has a name of its own. */
  void output(String name, String op, String inputs, Object... attributes) {
    file.node(op, name, inputs, attributes);
  }

  String integers(long... values) {
    String name = "c" + names++;
    file.integers(name, values);
    return name;
  }

  String scalar(float value) {
    String name = "c" + names++;
    file.floats(name, new float[] {value});
    return name;
  }

  String scalar(long value) {
    String name = "c" + names++;
    ByteBuffer raw = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
    file.tensor(name, OnnxFile.INT64, raw);
    return name;
  }

  boolean has(String weight) {
    return weights.containsKey(weight);
  }

  Tensor tensor(String weight) {
    return weights.get(weight);
  }

  /** A weight as it stands, under its own name. */
  String weight(String name) {
    Tensor tensor = weights.get(name);
    file.tensor(name, OnnxFile.FLOAT, tensor.data(), tensor.shape());
    return name;
  }

  /** Values made of weights. */
  String floats(String name, float[] values, long... dims) {
    file.floats(name, values, dims);
    return name;
  }

  /** x [..., in] by NAME.weight [out, in] and NAME.bias to [..., out]. */
  String linear(String x, String name) {
    Tensor weight = weights.get(name + ".weight");
    int out = (int) weight.shape()[0];
    int in = (int) weight.shape()[1];
    floats(name + ".weight", transposed(weight.floats(), out, in), in, out);
    String product = node("MatMul", x + " " + name + ".weight");
    return node("Add", product + " " + weight(name + ".bias"));
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

  /** The head: layers head.0, head.2 and so on, a ReLU between two. */
  String head(String x) {
    String y = linear(x, "head.0");
    for (int layer = 2; has("head." + layer + ".weight"); layer += 2) {
      y = linear(node("Relu", y), "head." + layer);
    }
    return y;
  }

  /** A mask of int64 as floats. */
  String real(String mask) {
    return node("Cast", mask, "to", (long) OnnxFile.FLOAT);
  }

  String unsqueezed(String x, long... axes) {
    return node("Unsqueeze", x + " " + integers(axes));
  }

  /** Sums over axis 1, which goes. */
  String sum(String x) {
    return node("ReduceSum", x + " " + integers(1), "keepdims", 0L);
  }

  /**
   * The mean of the rows that a mask keeps, zeros where it keeps none: [texts, n, width] to [texts,
   * width].
   *
   * @param mask floats, 0 or 1 [texts, n]
   */
  String mean(String rows, String mask) {
    String kept = sum(node("Mul", rows + " " + unsqueezed(mask, 2)));
    String count = node("Max", sum(mask) + " " + scalar(1f));
    return node("Div", kept + " " + unsqueezed(count, 1));
  }
}
