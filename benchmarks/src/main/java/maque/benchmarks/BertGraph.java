package maque.benchmarks;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import maque.training.onnx.OnnxFile;

/**
 * A BERT encoder as a graph of ONNX Runtime's fused operators: one product for queries, keys and
 * values, attention, residual and LayerNorm in one, bias and GELU in one. Inputs {@code ids} and
 * {@code mask} [texts, time], output {@code out} [texts, time, hidden].
 */
final class BertGraph {
  private static final float EPSILON = 1e-12f;

  private final OnnxFile onnx = new OnnxFile();
  private final Weights weights;
  private final BertShape shape;
  private final boolean int8;

  private BertGraph(Weights weights, BertShape shape, boolean int8) {
    this.weights = weights;
    this.shape = shape;
    this.int8 = int8;
  }

  /** int8: the layers' weights, by column, and their inputs as they come. */
  static void write(Weights weights, BertShape shape, boolean int8, Path file) {
    new BertGraph(weights, shape, int8).write(file);
  }

  private void write(Path file) {
    onnx.input("ids", OnnxFile.INT32, "ids_0", "ids_1");
    onnx.input("mask", OnnxFile.INT32, "mask_0", "mask_1");
    int hidden = shape.hidden();
    onnx.floats("word", weights.get("embeddings.word_embeddings.weight"), words(), hidden);
    onnx.floats("position", positions(), weights.shape("embeddings.position_embeddings.weight"));
    norm("norm", "embeddings.LayerNorm");
    onnx.node(
        OnnxFile.OWN + "EmbedLayerNormalization",
        "x ends",
        "ids - word position - norm_gain norm_shift mask",
        "epsilon",
        EPSILON);
    String x = "x";
    for (int i = 0; i < shape.layers(); i++) {
      x = layer(i, x);
    }
    onnx.node("Identity", "out", x);
    onnx.output("out", "out_0", "out_1", "out_2");
    onnx.save(file);
  }

  private long words() {
    return weights.shape("embeddings.word_embeddings.weight")[0];
  }

  /** Every text has type 0, whose row is added to each position's. */
  private float[] positions() {
    float[] rows = weights.get("embeddings.position_embeddings.weight").clone();
    float[] type = weights.get("embeddings.token_type_embeddings.weight");
    for (int i = 0; i < rows.length; i++) {
      rows[i] += type[i % shape.hidden()];
    }
    return rows;
  }

  private String layer(int index, String x) {
    String from = "encoder.layer." + index + ".";
    String name = "l" + index + "_";
    attention(x, from, name);
    matrix(name + "o", from + "attention.output.dense", shape.hidden(), shape.hidden());
    onnx.floats(name + "o_bias", weights.get(from + "attention.output.dense.bias"), shape.hidden());
    matrix(name + "up", from + "intermediate.dense", shape.inner(), shape.hidden());
    onnx.floats(name + "up_bias", weights.get(from + "intermediate.dense.bias"), shape.inner());
    matrix(name + "down", from + "output.dense", shape.hidden(), shape.inner());
    onnx.floats(name + "down_bias", weights.get(from + "output.dense.bias"), shape.hidden());
    norm(name + "n1", from + "attention.output.LayerNorm");
    norm(name + "n2", from + "output.LayerNorm");

    product(name + "mixed", name + "a", name + "o");
    skip(name + "middle", name + "mixed", x, name + "n1", name + "o_bias");
    product(name + "wide", name + "middle", name + "up");
    onnx.node(OnnxFile.OWN + "BiasGelu", name + "g", name + "wide " + name + "up_bias");
    product(name + "narrow", name + "g", name + "down");
    skip(name + "x", name + "narrow", name + "middle", name + "n2", name + "down_bias");
    return name + "x";
  }

  private void attention(String x, String from, String name) {
    int hidden = shape.hidden();
    float[] joined = new float[3 * hidden * hidden];
    float[] bias = new float[3 * hidden];
    String[] parts = {"query", "key", "value"};
    for (int p = 0; p < 3; p++) {
      String tensor = from + "attention.self." + parts[p];
      float[] weight = weights.get(tensor + ".weight");
      for (int o = 0; o < hidden; o++) {
        for (int i = 0; i < hidden; i++) {
          joined[i * 3 * hidden + p * hidden + o] = weight[o * hidden + i];
        }
      }
      System.arraycopy(weights.get(tensor + ".bias"), 0, bias, p * hidden, hidden);
    }
    onnx.floats(name + "qkv_bias", bias, 3L * hidden);
    Object[] heads = {"num_heads", (long) shape.heads()};
    String qkv = name + "qkv";
    if (int8) {
      OnnxWeights.quantised(onnx, qkv, joined, hidden, 3 * hidden);
      onnx.tensor(qkv + "_zero", OnnxFile.INT8, ByteBuffer.wrap(new byte[3 * hidden]), 3L * hidden);
      onnx.node("DynamicQuantizeLinear", name + "xq " + name + "xs " + name + "xz", x);
      onnx.node(
          OnnxFile.OWN + "QAttention",
          name + "a",
          String.format(
              "%sxq %s %s_bias %sxs %s_scale ends %sxz %s_zero",
              name, qkv, qkv, name, qkv, name, qkv),
          heads);
    } else {
      onnx.floats(qkv, joined, hidden, 3L * hidden);
      onnx.node(
          OnnxFile.OWN + "Attention", name + "a", x + " " + qkv + " " + qkv + "_bias ends", heads);
    }
  }

  private void matrix(String name, String tensor, int out, int in) {
    float[] turned = OnnxWeights.transposed(weights.get(tensor + ".weight"), out, in);
    if (int8) {
      OnnxWeights.quantised(onnx, name, turned, in, out);
    } else {
      onnx.floats(name, turned, in, out);
    }
  }

  private void product(String out, String x, String matrix) {
    if (int8) {
      onnx.node(
          OnnxFile.OWN + "DynamicQuantizeMatMul", out, x + " " + matrix + " " + matrix + "_scale");
    } else {
      onnx.node("MatMul", out, x + " " + matrix);
    }
  }

  private void skip(String out, String x, String residual, String norm, String bias) {
    onnx.node(
        OnnxFile.OWN + "SkipLayerNormalization",
        out,
        x + " " + residual + " " + norm + "_gain " + norm + "_shift " + bias,
        "epsilon",
        EPSILON);
  }

  private void norm(String name, String tensor) {
    onnx.floats(name + "_gain", weights.get(tensor + ".weight"), shape.hidden());
    onnx.floats(name + "_shift", weights.get(tensor + ".bias"), shape.hidden());
  }
}
