package maque.runtime;

import java.util.Map;

/**
 * A student in plain Java: what answers where the native library cannot be loaded. int8 models give
 * the native kernels' bits, fp32 and bf16 ones too where the processor has fused multiply-add (but
 * not those of bf16 sequences where it multiplies in bf16: the states are not rounded here).
 * Thread-safe without a lock; a call allocates nothing once as many scratch spaces exist as there
 * are callers, and none has to grow for a longer text.
 */
final class JavaStudent implements ClassifierModel {
  /** Emptied by close, so that a closed student that someone still holds costs nothing. */
  private volatile Network network;

  private JavaStudent(Network network) {
    this.network = network;
  }

  /**
   * Builds a student.
   *
   * @param options what the native builder takes
   * @param source the file that an error names
   * @throws ModelFormatException where a weight is NaN or infinity
   */
  static JavaStudent build(
      Map<String, String> options, Map<String, Tensor> tensors, String source) {
    return new JavaStudent(new Network(options, new JavaWeights(tensors, source)));
  }

  @Override
  public void predict(int[] ids, int idsLength, int[] offsets, int n, float[] out, boolean brief) {
    predict(ids, idsLength, offsets, null, n, out, brief);
  }

  @Override
  public void predict(
      int[] ids, int idsLength, int[] offsets, Bags bags, int n, float[] out, boolean brief) {
    Network open = open();
    open.check(ids, idsLength, offsets, bags, n, out);
    JavaScratch scratch = open.pool.take();
    if (scratch == null) {
      scratch = open.scratch();
    }
    for (int i = 0; i < n; i++) {
      open.text(ids, offsets, bags, i, out, scratch);
    }
    open.pool.giveBack(scratch);
  }

  private Network open() {
    Network open = network;
    if (open == null) {
      throw new IllegalStateException("this student is closed");
    }
    return open;
  }

  @Override
  public long bytes() {
    return open().bytes();
  }

  @Override
  public void close() {
    network = null;
  }

  /** The weights and the way through them. */
  private static final class Network {
    final JavaScratch.Pool pool = new JavaScratch.Pool();
    final int classes;
    private final boolean document;
    private final boolean bag;
    private final String pooling;
    private final int hidden;
    private final int gates;
    private final JavaTable table; // null of a bag
    private final JavaTable ngrams; // or null
    private final JavaLayer[] projections = new JavaLayer[2];
    private final JavaCell[] cells = new JavaCell[2];
    private final JavaLayer[] head;

    private final JavaLayer beside; // the first layer's columns of n-grams beside a biLSTM, or null
    private final float[] foldedBias;
    private final boolean folded;

    Network(Map<String, String> options, JavaWeights weights) {
      document = options.get("kind").equals("document");
      bag = options.get("kind").equals("bag");
      pooling = options.getOrDefault("pooling", "last");
      hidden = bag ? 0 : Integer.parseInt(options.get("hidden_size"));
      classes = Integer.parseInt(options.get("num_labels"));
      gates = (document ? 3 : 4) * hidden;
      folded = Boolean.parseBoolean(options.get("folded"));
      table = bag ? null : table(weights);
      foldedBias = folded && document ? weights.values("gates.bias") : null;
      if (!bag) {
        directions(weights, "int8".equals(options.get("precision")));
      }
      boolean hasNgrams = options.containsKey("ngram_buckets");
      ngrams = hasNgrams ? weights.ngrams() : null;
      head = head(weights, options.get("head"));
      beside = hasNgrams && !bag ? firstLayer(weights, 2 * hidden, ngrams.columns(), false) : null;
    }

    private JavaTable table(JavaWeights weights) {
      String name = document ? "vectors.weight" : "embedding.weight";
      return folded
          ? weights.table(ServingTensors.GATES, "gates.scale")
          : weights.table(name, name + ".scale");
    }

    private void directions(JavaWeights weights, boolean int8) {
      for (int d = 0; d < 2; d++) {
        String direction = d == 0 ? "_l0" : "_l0_reverse";
        if (!folded) {
          projections[d] = projection(weights, direction);
        }
        cells[d] = weights.cell(document ? null : "lstm.weight_hh" + direction, hidden, int8);
      }
    }

    private JavaLayer[] head(JavaWeights weights, String sizes) {
      JavaLayer[] head = new JavaLayer[sizes.isEmpty() ? 1 : sizes.split(",").length + 1];
      head[0] = firstLayer(weights, 0, bag ? ngrams.columns() : 2 * hidden, !bag);
      for (int i = 1; i < head.length; i++) {
        String layer = "head." + 2 * i;
        head[i] = weights.layer(layer + ".weight", weights.values(layer + ".bias"), false);
      }
      return head;
    }

    private static JavaLayer firstLayer(
        JavaWeights weights, int begin, int count, boolean bounded) {
      float[] bias = weights.values("head.0.bias");
      return weights.layer("head.0.weight", bias, bounded, begin, count);
    }

    /** Of the training form, the gates that are read, and both biases in one. */
    private JavaLayer projection(JavaWeights weights, String direction) {
      String weight = "lstm.weight_ih" + direction;
      if (weights.has("lstm.bias" + direction)) {
        return weights.layer(weight, weights.values("lstm.bias" + direction), false);
      }
      float[] bias = weights.values("lstm.bias_ih" + direction);
      float[] recurrent = weights.values("lstm.bias_hh" + direction);
      for (int i = 0; i < bias.length; i++) {
        bias[i] += recurrent[i];
      }
      int inputs = (int) weights.tensor(weight).shape()[1];
      float[] rows = gatesRead(weights.values(weight), inputs);
      return new JavaLayer.Floats(new FloatMatrix(rows, gates, inputs), gatesRead(bias, 1));
    }

    /** A document reads i g o of PyTorch's i f g o. */
    private float[] gatesRead(float[] rows, int columns) {
      if (!document) {
        return rows;
      }
      int gate = hidden * columns;
      float[] read = new float[3 * gate];
      System.arraycopy(rows, 0, read, 0, gate);
      System.arraycopy(rows, 2 * gate, read, gate, 2 * gate);
      return read;
    }

    JavaScratch scratch() {
      int row = bag ? 0 : table.columns();
      int bagRow = ngrams == null ? 0 : ngrams.columns();
      int widest = Math.max(Math.max(2 * hidden, row), bagRow);
      int[] layers = new int[head.length];
      for (int i = 0; i < layers.length; i++) {
        layers[i] = head[i].outputs();
        widest = Math.max(widest, layers[i]);
      }
      return new JavaScratch(hidden, gates, widest, row, bagRow, layers);
    }

    long bytes() {
      long bytes = pool.bytes() + (bag ? 0 : table.bytes()) + (ngrams == null ? 0 : ngrams.bytes());
      for (int d = 0; d < 2 && !bag; d++) {
        bytes += cells[d].bytes() + (folded ? 0 : projections[d].bytes());
      }
      for (JavaLayer layer : head) {
        bytes += layer.bytes();
      }
      bytes += beside == null ? 0 : beside.bytes();
      return bytes + (foldedBias == null ? 0 : 4L * foldedBias.length);
    }

    void check(int[] ids, int idsLength, int[] offsets, Bags bags, int n, float[] out) {
      if ((bags == null) != (ngrams == null) || (ids == null || offsets == null) != bag) {
        throw new InvalidInputException(
            bag
                ? "expected n-grams alone"
                : ngrams == null ? "expected ids alone" : "expected ids and n-grams");
      }
      if (!bag) {
        check("ids", ids, idsLength, offsets, n, table.ids());
      }
      if (ngrams != null) {
        check("n-grams", bags.ids, bags.length, bags.offsets, n, ngrams.ids());
      }
      if (out.length < (long) n * classes) {
        throw new InvalidInputException(
            "out: expected " + n + " * " + classes + " elements, found " + out.length);
      }
    }

    private static void check(String what, int[] ids, int length, int[] offsets, int n, int limit) {
      Classifier.checkOffsets(length, offsets, n);
      for (int i = 0; i < offsets[n]; i++) {
        if (ids[i] < 0 || ids[i] >= limit) {
          throw new InvalidInputException(
              what + "[" + i + "]: expected 0 to " + (limit - 1) + ", found " + ids[i]);
        }
      }
    }

    /** Logits of text i. */
    void text(int[] ids, int[] offsets, Bags bags, int i, float[] out, JavaScratch s) {
      if (ngrams != null) {
        int from = bags.offsets[i];
        mean(ngrams, ngrams.columns(), bags.ids, from, bags.offsets[i + 1], s.bag, s.row);
      }
      int at = i * classes;
      if (bag) {
        head(s.bag, 0, s);
        System.arraycopy(s.layers[head.length - 1], 0, out, at, classes);
        return;
      }
      if (beside != null) {
        beside.forward(s.bag, 0, s.beside, s.quantized);
      }
      int begin = offsets[i];
      int tokens = offsets[i + 1] - begin;
      if (document) {
        document(ids, begin, begin + tokens, s);
      } else {
        float[] states = s.states(tokens * 2 * hidden);
        direction(ids, begin, begin + tokens, 0, states, s);
        direction(ids, begin, begin + tokens, 1, states, s);
        if (pooling.equals("max-logits") && tokens > 0) {
          maxLogits(states, tokens, out, at, s);
          return;
        }
        pool(states, tokens, s.features);
      }
      head(s.features, 0, s);
      System.arraycopy(s.layers[head.length - 1], 0, out, at, classes);
    }

    private void direction(int[] ids, int begin, int end, int d, float[] states, JavaScratch s) {
      int width = 2 * hidden;
      int step = d == 0 ? 1 : -1;
      int previous = -1;
      for (int t = d == 0 ? 0 : end - begin - 1; t >= 0 && t < end - begin; t += step) {
        int id = ids[begin + t];
        if (folded) {
          table.read(id, d * gates, gates, s.gates, 0);
        } else {
          table.read(id, 0, table.columns(), s.row, 0);
          projections[d].forward(s.row, 0, s.gates, s.quantized);
        }
        int at = t * width + d * hidden;
        cells[d].step(s.cell, states, previous, at, s);
        previous = at;
      }
    }

    /** One step on the mean of the rows, into the features. */
    private void document(int[] ids, int begin, int end, JavaScratch s) {
      mean(table, folded ? gates : table.columns(), ids, begin, end, s.mean, s.row);
      for (int d = 0; d < 2; d++) {
        if (folded) {
          for (int j = 0; j < gates; j++) {
            s.gates[j] = s.mean[d * gates + j] + foldedBias[d * gates + j];
          }
        } else {
          projections[d].forward(s.mean, 0, s.gates, s.quantized);
        }
        cells[d].step(s.cell, s.features, -1, d * hidden, s);
      }
    }

    /**
     * The mean of rows, summed in order.
     *
     * @param part columns that are read at once: those of one scale
     */
    private static void mean(
        JavaTable from, int part, int[] ids, int begin, int end, float[] mean, float[] row) {
      java.util.Arrays.fill(mean, 0);
      for (int i = begin; i < end; i++) {
        for (int at = 0; at < mean.length; at += part) {
          from.read(ids[i], at, part, row, at);
        }
        for (int j = 0; j < mean.length; j++) {
          mean[j] += row[j];
        }
      }
      for (int j = 0; j < mean.length && end > begin; j++) {
        mean[j] /= end - begin;
      }
    }

    private void pool(float[] states, int tokens, float[] features) {
      int width = features.length;
      java.util.Arrays.fill(features, 0);
      if (tokens == 0) {
        return;
      }
      switch (pooling) {
        case "last" -> {
          System.arraycopy(states, (tokens - 1) * width, features, 0, hidden);
          System.arraycopy(states, hidden, features, hidden, hidden);
        }
        case "mean" -> {
          for (int i = 0; i < tokens * width; i++) {
            features[i % width] += states[i];
          }
          for (int j = 0; j < width; j++) {
            features[j] /= tokens;
          }
        }
        default -> {
          System.arraycopy(states, 0, features, 0, width);
          for (int i = width; i < tokens * width; i++) {
            int j = i % width;
            features[j] = states[i] > features[j] ? states[i] : features[j];
          }
        }
      }
    }

    private void maxLogits(float[] states, int tokens, float[] out, int at, JavaScratch s) {
      float[] logits = s.layers[head.length - 1];
      for (int t = 0; t < tokens; t++) {
        head(states, t * 2 * hidden, s);
        for (int k = 0; k < classes; k++) {
          out[at + k] = t > 0 && !(logits[k] > out[at + k]) ? out[at + k] : logits[k];
        }
      }
    }

    /** From features at a place to the last layer's outputs in the scratch. */
    private void head(float[] features, int at, JavaScratch s) {
      float[] x = features;
      int from = at;
      for (int i = 0; i < head.length; i++) {
        float[] y = s.layers[i];
        if (i == 0 && beside != null) {
          head[i].forwardOnto(s.beside, x, from, y, s.quantized);
        } else {
          head[i].forward(x, from, y, s.quantized);
        }
        for (int j = 0; j < y.length && i < head.length - 1; j++) {
          y[j] = y[j] < 0 ? 0 : y[j];
        }
        x = y;
        from = 0;
      }
    }
  }
}
