package maque.training.onnx;

import java.util.Map;

/**
 * A BERT in operators of ONNX alone. The shapes of the graph are those that ONNX Runtime's
 * optimiser knows and fuses.
 */
final class BertGraph {
  private static final String IDS = "input_ids";
  private static final String MASK = "attention_mask";
  private static final String TYPES = "token_type_ids";

  private final ModelGraph graph;
  private final Map<String, String> options;
  private final long hidden;
  private final long heads;
  private String late;

  private BertGraph(ModelGraph graph, Map<String, String> options) {
    this.graph = graph;
    this.options = options;
    hidden = number("hidden_size");
    heads = number("num_attention_heads");
  }

  /** The logits, or without a head the last hidden states, as the one output of the file. */
  static void write(OnnxFile file, ModelGraph graph, Map<String, String> options) {
    for (String input : new String[] {IDS, MASK, TYPES}) {
      file.input(input, OnnxFile.INT64, "texts", "time");
    }
    BertGraph bert = new BertGraph(graph, options);
    String states = bert.encoder();
    if (options.get("num_labels").equals("0")) {
      graph.output("last_hidden_state", "Identity", states);
      file.output("last_hidden_state", "texts", "time", Long.toString(bert.hidden));
    } else {
      graph.output("logits", "Identity", graph.head(bert.pooled(states)));
      file.output("logits", "texts", options.get("num_labels"));
    }
  }

  private long number(String key) {
    return Long.parseLong(options.get(key));
  }

  private String encoder() {
    String keep = graph.unsqueezed(graph.real(MASK), 1, 2);
    String drop = graph.node("Sub", graph.scalar(1f) + " " + keep);
    late = graph.node("Mul", drop + " " + graph.scalar(ModelGraph.LOWEST));
    String x = embeddings();
    for (int i = 0; i < number("num_hidden_layers"); i++) {
      x = layer(x, "encoder.layer." + i + ".");
    }
    return x;
  }

  private String embeddings() {
    long[] places = new long[(int) number("max_position_embeddings")];
    for (int i = 0; i < places.length; i++) {
      places[i] = i;
    }
    String time = graph.node("Slice", graph.node("Shape", IDS) + " " + slice(1, 2));
    String upTo =
        graph.node("Slice", graph.integers(places) + " " + graph.integers(0) + " " + time);
    String word = rows("embeddings.word_embeddings.weight", IDS);
    String place = rows("embeddings.position_embeddings.weight", upTo);
    String type = rows("embeddings.token_type_embeddings.weight", TYPES);
    String sum = graph.node("Add", graph.node("Add", word + " " + place) + " " + type);
    return norm(sum, "embeddings.LayerNorm");
  }

  private String slice(long from, long to) {
    return graph.integers(from) + " " + graph.integers(to);
  }

  private String rows(String table, String ids) {
    return graph.node("Gather", graph.weight(table) + " " + ids);
  }

  private String norm(String x, String name) {
    return graph.node(
        "LayerNormalization",
        x + " " + graph.weight(name + ".weight") + " " + graph.weight(name + ".bias"),
        "epsilon",
        Float.parseFloat(options.get("layer_norm_eps")));
  }

  private String layer(String x, String name) {
    String attended = graph.linear(attention(x, name), name + "attention.output.dense");
    String middle =
        norm(graph.node("Add", attended + " " + x), name + "attention.output.LayerNorm");
    String inner = activation(graph.linear(middle, name + "intermediate.dense"));
    String out = graph.linear(inner, name + "output.dense");
    return norm(graph.node("Add", out + " " + middle), name + "output.LayerNorm");
  }

  private String attention(String x, String layer) {
    String self = layer + "attention.self.";
    String query = split(graph.linear(x, self + "query"), 0, 2, 1, 3);
    String key = split(graph.linear(x, self + "key"), 0, 2, 3, 1);
    String value = split(graph.linear(x, self + "value"), 0, 2, 1, 3);
    String root = graph.scalar((float) Math.sqrt((double) hidden / heads));
    String scores = graph.node("Div", graph.node("MatMul", query + " " + key) + " " + root);
    String shares = graph.node("Softmax", graph.node("Add", scores + " " + late), "axis", -1L);
    String mixed =
        graph.node(
            "Transpose",
            graph.node("MatMul", shares + " " + value),
            "perm",
            new long[] {0, 2, 1, 3});
    return graph.node("Reshape", mixed + " " + graph.integers(0, 0, hidden));
  }

  private String split(String x, long... order) {
    String shape = graph.integers(0, 0, heads, hidden / heads);
    return graph.node("Transpose", graph.node("Reshape", x + " " + shape), "perm", order);
  }

  private String activation(String x) {
    return switch (options.get("hidden_act")) {
      case "relu" -> graph.node("Relu", x);
      case "gelu" -> {
        String root = graph.scalar((float) Math.sqrt(2));
        yield half(x, graph.node("Erf", graph.node("Div", x + " " + root)));
      }
      default -> {
        String cube = graph.node("Pow", x + " " + graph.scalar(3f));
        String scaled = graph.node("Mul", cube + " " + graph.scalar(0.044715f));
        String inner = graph.node("Add", x + " " + scaled);
        String root = graph.scalar((float) Math.sqrt(2 / Math.PI));
        yield half(x, graph.node("Tanh", graph.node("Mul", inner + " " + root)));
      }
    };
  }

  /** x (1 + y) / 2. */
  private String half(String x, String y) {
    String sum = graph.node("Add", y + " " + graph.scalar(1f));
    return graph.node("Mul", graph.node("Mul", x + " " + sum) + " " + graph.scalar(0.5f));
  }

  private String pooled(String states) {
    if (options.get("pooling").equals("mean")) {
      return graph.mean(states, graph.real(MASK));
    }
    String first = graph.node("Gather", states + " " + graph.scalar(0L), "axis", 1L);
    return options.get("pooling").equals("cls")
        ? first
        : graph.node("Tanh", graph.linear(first, "pooler.dense"));
  }
}
