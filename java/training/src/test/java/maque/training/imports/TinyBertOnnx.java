package maque.training.imports;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * A small BERT as an ONNX graph, in one of two dialects, under names that tell nothing. Weights are
 * kept by the names that the importer should give them.
 */
final class TinyBertOnnx {
  /** What an exporter may write differently. */
  enum Dialect {
    /**
     * MatMul of a transposed initialiser, Erf spelt out, layer normalisation spelt out, heads by
     * Concat.
     */
    SPELT,
    /**
     * Gemm-free MatMul of a Transpose node, LayerNormalization and Gelu operations, heads by a
     * constant shape, Identity nodes.
     */
    COMPACT
  }

  static final int VOCABULARY = 11;
  static final int POSITIONS = 9;
  static final int HIDDEN = 6;
  static final int HEADS = 2;
  static final int INNER = 10;
  static final int LAYERS = 2;

  final Map<String, float[]> weights = new LinkedHashMap<>();
  final OnnxWriter writer = new OnnxWriter();
  private final Random random = new Random(1);
  private final Dialect dialect;
  private int names;
  float attentionScale = (float) Math.sqrt(HIDDEN / (double) HEADS);
  boolean pooler = true;
  boolean typeInput = true;

  TinyBertOnnx(Dialect dialect) {
    this.dialect = dialect;
  }

  byte[] toBytes() {
    writer.input("input_ids").input("attention_mask");
    if (typeInput) {
      writer.input("token_type_ids");
    }
    String x = embeddings();
    for (int i = 0; i < LAYERS; i++) {
      x = layer(x, "encoder.layer." + i + ".");
    }
    writer.output(x);
    if (pooler) {
      String first = node("Gather", x + " " + integers(0), "axis", 1L);
      writer.output(node("Tanh", linear(first, "pooler.dense", HIDDEN, HIDDEN)));
    }
    return writer.toBytes();
  }

  private String name() {
    return "v" + names++;
  }

  private String node(String op, String inputs, Object... attributes) {
    String name = name();
    writer.node(op, name, inputs, attributes);
    return name;
  }

  private String integers(long... values) {
    String name = name();
    writer.initializer(OnnxWriter.integers(name, values));
    return name;
  }

  private String constant(float value) {
    String name = name();
    if (dialect == Dialect.COMPACT) {
      writer.node("Constant", name, "", "value_float", value);
    } else {
      writer.node("Constant", name, "", "value", writer.tensor("", new float[] {value}));
    }
    return name;
  }

  private String weight(String meaning, float[] stored, long... dims) {
    String name = name();
    writer.initializer(writer.tensor(name, stored, dims));
    if (dialect == Dialect.COMPACT) {
      return node("Identity", name);
    }
    return name;
  }

  private float[] values(String meaning, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    weights.put(meaning, values);
    return values;
  }

  private String vector(String meaning, int n) {
    return weight(meaning, values(meaning, n), n);
  }

  private String embeddings() {
    String word =
        weight(
            "",
            values("embeddings.word_embeddings.weight", VOCABULARY * HIDDEN),
            VOCABULARY,
            HIDDEN);
    String position =
        weight(
            "",
            values("embeddings.position_embeddings.weight", POSITIONS * HIDDEN),
            POSITIONS,
            HIDDEN);
    String shape = node("Shape", "input_ids");
    String range =
        node("Slice", integers(0, 1, 2, 3, 4, 5, 6, 7, 8) + " " + integers(0) + " " + shape);
    String sum =
        node(
            "Add",
            node("Gather", word + " input_ids") + " " + node("Gather", position + " " + range));
    if (typeInput) {
      String type =
          weight("", values("embeddings.token_type_embeddings.weight", 2 * HIDDEN), 2, HIDDEN);
      sum = node("Add", sum + " " + node("Gather", type + " token_type_ids"));
    }
    return norm(sum, "embeddings.LayerNorm");
  }

  private String norm(String x, String meaning) {
    String gamma = vector(meaning + ".weight", HIDDEN);
    String beta = vector(meaning + ".bias", HIDDEN);
    if (dialect == Dialect.COMPACT) {
      return node("LayerNormalization", x + " " + gamma + " " + beta, "epsilon", 1e-5f);
    }
    String centred = node("Sub", x + " " + node("ReduceMean", x));
    String variance = node("ReduceMean", node("Pow", centred + " " + constant(2)));
    String root = node("Sqrt", node("Add", variance + " " + constant(1e-5f)));
    String scaled = node("Mul", node("Div", centred + " " + root) + " " + gamma);
    return node("Add", scaled + " " + beta);
  }

  private String linear(String x, String meaning, int out, int in) {
    float[] w = values(meaning + ".weight", out * in);
    String bias = vector(meaning + ".bias", out);
    String turned;
    if (dialect == Dialect.COMPACT) {
      turned = node("Transpose", weight("", w, out, in), "perm", new long[] {1, 0});
    } else {
      float[] t = new float[w.length];
      for (int i = 0; i < out; i++) {
        for (int j = 0; j < in; j++) {
          t[j * out + i] = w[i * in + j];
        }
      }
      turned = weight("", t, in, out);
    }
    return node("Add", bias + " " + node("MatMul", x + " " + turned));
  }

  private String heads(String x, long... perm) {
    String shape = integers(0, -1, HEADS, HIDDEN / HEADS);
    if (dialect == Dialect.SPELT) {
      String batch = node("Shape", x);
      shape =
          node(
              "Concat",
              batch + " " + batch + " " + integers(HEADS) + " " + integers(HIDDEN / HEADS));
    }
    return node("Transpose", node("Reshape", x + " " + shape), "perm", perm);
  }

  private String layer(String x, String layer) {
    String self = layer + "attention.self.";
    String q = heads(linear(x, self + "query", HIDDEN, HIDDEN), 0, 2, 1, 3);
    String k = heads(linear(x, self + "key", HIDDEN, HIDDEN), 0, 2, 3, 1);
    String v = heads(linear(x, self + "value", HIDDEN, HIDDEN), 0, 2, 1, 3);
    String scores = node("Div", node("MatMul", q + " " + k) + " " + constant(attentionScale));
    String masked = node("Add", scores + " " + node("Cast", "attention_mask"));
    String mixed = node("MatMul", node("Softmax", masked) + " " + v);
    String joined = node("Reshape", node("Transpose", mixed) + " " + integers(0, 0, HIDDEN));
    String attended = linear(joined, layer + "attention.output.dense", HIDDEN, HIDDEN);
    String middle = norm(node("Add", attended + " " + x), layer + "attention.output.LayerNorm");
    String inner = activation(linear(middle, layer + "intermediate.dense", INNER, HIDDEN));
    String out = linear(inner, layer + "output.dense", HIDDEN, INNER);
    return norm(node("Add", middle + " " + out), layer + "output.LayerNorm");
  }

  private String activation(String x) {
    if (dialect == Dialect.COMPACT) {
      return node("Gelu", x, "approximate", "tanh");
    }
    String erf = node("Erf", node("Div", x + " " + constant((float) Math.sqrt(2))));
    String product = node("Mul", x + " " + node("Add", erf + " " + constant(1)));
    return node("Mul", product + " " + constant(0.5f));
  }
}
