package maque.training.onnx;

import java.util.Map;
import maque.runtime.Tensor;

/** A student in operators of ONNX alone. */
final class StudentGraph {
  private static final String IDS = "input_ids";
  private static final String MASK = "attention_mask";
  private static final String NGRAMS = "ngram_ids";
  private static final String NGRAM_MASK = "ngram_mask";

  /** PyTorch's gates are i, f, g, o; ONNX has i, o, f, c. */
  private static final int[] GATES = {0, 3, 1, 2};

  private final ModelGraph graph;
  private final Map<String, String> options;
  private final int hidden;

  private StudentGraph(ModelGraph graph, Map<String, String> options) {
    this.graph = graph;
    this.options = options;
    hidden = Integer.parseInt(options.getOrDefault("hidden_size", "0"));
  }

  /** The logits as the one output of the file. */
  static void write(OnnxFile file, ModelGraph graph, Map<String, String> options) {
    boolean bag = options.get("kind").equals("bag");
    boolean ngrams = graph.has("ngrams.weight");
    if (!bag) {
      file.input(IDS, OnnxFile.INT64, "texts", "time");
      file.input(MASK, OnnxFile.INT64, "texts", "time");
    }
    if (ngrams) {
      file.input(NGRAMS, OnnxFile.INT64, "texts", "ngrams");
      file.input(NGRAM_MASK, OnnxFile.INT64, "texts", "ngrams");
    }
    StudentGraph student = new StudentGraph(graph, options);
    String mean = ngrams ? student.ngrams() : null;
    String logits =
        switch (options.get("kind")) {
          case "bag" -> graph.head(mean);
          case "document" -> graph.head(student.beside(student.document(), mean));
          default -> student.sequence(mean);
        };
    graph.output("logits", "Identity", logits);
    file.output("logits", "texts", options.get("num_labels"));
  }

  private String ngrams() {
    String rows = graph.node("Gather", graph.weight("ngrams.weight") + " " + NGRAMS);
    return graph.mean(rows, graph.real(NGRAM_MASK));
  }

  /** Features and the mean of n-grams, if there is one, in one row. */
  private String beside(String features, String mean) {
    return mean == null ? features : graph.node("Concat", features + " " + mean, "axis", -1L);
  }

  /** One step on the mean of the vectors: [texts, 2 hidden]. */
  private String document() {
    String rows = graph.node("Gather", graph.weight("vectors.weight") + " " + IDS);
    String step = graph.unsqueezed(graph.mean(rows, graph.real(MASK)), 0);
    return byText(lstm(step, "-").last);
  }

  private String sequence(String ngrams) {
    String mask = graph.real(MASK);
    String count = graph.sum(mask);
    String rows = graph.node("Gather", graph.weight("embedding.weight") + " " + IDS);
    String kept = graph.node("Mul", rows + " " + graph.unsqueezed(mask, 2));
    String byTime = graph.node("Transpose", kept, "perm", new long[] {1, 0, 2});
    // The operator knows no empty text: one token of zeros stands for it, and its states are zeros.
    String most = graph.node("Max", count + " " + graph.scalar(1f));
    String lengths = graph.node("Cast", most, "to", (long) OnnxFile.INT32);
    Lstm lstm = lstm(byTime, lengths);
    String some = graph.node("Min", count + " " + graph.scalar(1f));
    if (options.get("pooling").equals("last")) {
      String last = byText(lstm.last);
      String features = graph.node("Mul", last + " " + graph.unsqueezed(some, 1));
      return graph.head(beside(features, ngrams));
    }
    String turned = graph.node("Transpose", lstm.all, "perm", new long[] {2, 0, 1, 3});
    String joined = graph.node("Reshape", turned + " " + graph.integers(0, 0, 2L * hidden));
    String states = graph.node("Mul", joined + " " + graph.unsqueezed(some, 1, 2));
    return switch (options.get("pooling")) {
      case "mean" -> graph.head(beside(graph.mean(states, mask), ngrams));
      case "max" -> graph.head(beside(largest(states, lengths), ngrams));
      default -> largest(graph.head(besideEach(states, ngrams)), lengths);
    };
  }

  /** The largest over the steps of each text: [texts, time, width] to [texts, width]. */
  private String largest(String x, String lengths) {
    String time = graph.node("Gather", graph.node("Shape", IDS) + " " + graph.scalar(1L));
    String steps = graph.node("Range", graph.scalar(0L) + " " + time + " " + graph.scalar(1L));
    String wide = graph.node("Cast", lengths, "to", (long) OnnxFile.INT64);
    String within = graph.node("Less", steps + " " + graph.unsqueezed(wide, 1));
    String chosen =
        graph.node(
            "Where", graph.unsqueezed(within, 2) + " " + x + " " + graph.scalar(ModelGraph.LOWEST));
    return graph.node("ReduceMax", chosen, "axes", new long[] {1}, "keepdims", 0L);
  }

  private String besideEach(String states, String ngrams) {
    if (ngrams == null) {
      return states;
    }
    long width = graph.tensor("ngrams.weight").shape()[1];
    String sizes = graph.node("Shape", IDS);
    String shape = graph.node("Concat", sizes + " " + graph.integers(width), "axis", 0L);
    return beside(states, graph.node("Expand", graph.unsqueezed(ngrams, 1) + " " + shape));
  }

  /** Both directions' last states [2, texts, hidden] as [texts, 2 hidden]. */
  private String byText(String last) {
    String turned = graph.node("Transpose", last, "perm", new long[] {1, 0, 2});
    return graph.node("Reshape", turned + " " + graph.integers(0, 2L * hidden));
  }

  /** All states [time, 2, texts, hidden] and the last ones [2, texts, hidden]. */
  private record Lstm(String all, String last) {}

  private Lstm lstm(String x, String lengths) {
    String w = both("lstm.weight_ih_l0");
    String r = both("lstm.weight_hh_l0");
    float[] bias = new float[16 * hidden];
    for (int d = 0; d < 2; d++) {
      String direction = d == 0 ? "" : "_reverse";
      gates("lstm.bias_ih_l0" + direction, 1, bias, 8 * d * hidden);
      gates("lstm.bias_hh_l0" + direction, 1, bias, (8 * d + 4) * hidden);
    }
    String b = graph.floats("lstm.bias", bias, 2, 8L * hidden);
    graph.output(
        "lstm.states lstm.last",
        "LSTM",
        x + " " + w + " " + r + " " + b + " " + lengths,
        "direction",
        "bidirectional",
        "hidden_size",
        (long) hidden);
    return new Lstm("lstm.states", "lstm.last");
  }

  /** Both directions' matrices [2, 4 hidden, in]. */
  private String both(String name) {
    int in = (int) graph.tensor(name).shape()[1];
    float[] all = new float[2 * 4 * hidden * in];
    gates(name, in, all, 0);
    gates(name + "_reverse", in, all, 4 * hidden * in);
    return graph.floats(name, all, 2, 4L * hidden, in);
  }

  private void gates(String name, int in, float[] to, int at) {
    Tensor tensor = graph.tensor(name);
    float[] from = tensor.floats();
    int size = hidden * in;
    for (int g = 0; g < 4; g++) {
      System.arraycopy(from, GATES[g] * size, to, at + g * size, size);
    }
  }
}
