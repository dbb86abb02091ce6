package maque.runtime;

import java.util.List;
import java.util.Map;

/**
 * A student in plain Java: what answers where the native library cannot be loaded. fp32 and bf16
 * models give the native kernels' bits, int8 ones too. Thread-safe without a lock; a call allocates
 * nothing once as many scratch spaces exist as there are callers, and none has to grow for a longer
 * text.
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
    if (options.containsKey("ngram_buckets")) {
      throw new NativeLibraryException(
          source + ": a student with n-grams needs the native library");
    }
    return new JavaStudent(new Network(options, new JavaWeights(tensors, source)));
  }

  @Override
  public void predict(int[] ids, int idsLength, int[] offsets, int n, float[] out, boolean brief) {
    Network open = open();
    Classifier.checkOffsets(idsLength, offsets, n);
    open.check(ids, offsets[n], n, out);
    JavaScratch scratch = open.pool.take();
    if (scratch == null) {
      scratch = open.scratch();
    }
    for (int i = 0; i < n; i++) {
      open.text(ids, offsets[i], offsets[i + 1], out, i * open.classes, scratch);
    }
    open.pool.giveBack(scratch);
  }

  @Override
  public void predict(
      int[] ids, int idsLength, int[] offsets, Bags bags, int n, float[] out, boolean brief) {
    throw new MaqueException("a student with n-grams needs the native library");
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
    private final String pooling;
    private final int hidden;
    private final int gates;
    private final JavaTable table;
    private final JavaLayer[] projections = new JavaLayer[2];
    private final JavaCell[] cells = new JavaCell[2];
    private final JavaLayer[] head;
    private final float[] foldedBias;
    private final boolean folded;

    Network(Map<String, String> options, JavaWeights weights) {
      document = options.get("kind").equals("document");
      pooling = document ? "last" : options.get("pooling");
      hidden = Integer.parseInt(options.get("hidden_size"));
      classes = Integer.parseInt(options.get("num_labels"));
      gates = (document ? 3 : 4) * hidden;
      folded = Boolean.parseBoolean(options.get("folded"));
      boolean int8 = "int8".equals(options.get("precision"));
      String name = document ? "vectors.weight" : "embedding.weight";
      table =
          folded
              ? weights.table(ServingTensors.GATES, "gates.scale")
              : weights.table(name, name + ".scale");
      foldedBias = folded && document ? weights.values("gates.bias") : null;
      List<String> directions = List.of("_l0", "_l0_reverse");
      for (int d = 0; d < 2; d++) {
        String direction = directions.get(d);
        if (!folded) {
          projections[d] = projection(weights, direction);
        }
        cells[d] = weights.cell(document ? null : "lstm.weight_hh" + direction, hidden, int8);
      }
      int layers = options.get("head").isEmpty() ? 1 : options.get("head").split(",").length + 1;
      head = new JavaLayer[layers];
      for (int i = 0; i < layers; i++) {
        String layer = "head." + 2 * i;
        head[i] = weights.layer(layer + ".weight", weights.values(layer + ".bias"), i == 0);
      }
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
      int widest = Math.max(2 * hidden, table.columns());
      int[] layers = new int[head.length];
      for (int i = 0; i < layers.length; i++) {
        layers[i] = head[i].outputs();
        widest = Math.max(widest, layers[i]);
      }
      return new JavaScratch(hidden, gates, widest, table.columns(), layers);
    }

    long bytes() {
      long bytes = table.bytes() + pool.bytes();
      for (int d = 0; d < 2; d++) {
        bytes += cells[d].bytes() + (folded ? 0 : projections[d].bytes());
      }
      for (JavaLayer layer : head) {
        bytes += layer.bytes();
      }
      return bytes + (foldedBias == null ? 0 : 4L * foldedBias.length);
    }

    void check(int[] ids, int length, int n, float[] out) {
      for (int i = 0; i < length; i++) {
        if (ids[i] < 0 || ids[i] >= table.ids()) {
          throw new InvalidInputException(
              "ids[" + i + "]: expected 0 to " + (table.ids() - 1) + ", found " + ids[i]);
        }
      }
      if (out.length < (long) n * classes) {
        throw new InvalidInputException(
            "out: expected " + n + " * " + classes + " elements, found " + out.length);
      }
    }

    void text(int[] ids, int begin, int end, float[] out, int at, JavaScratch s) {
      if (document) {
        document(ids, begin, end, s);
        head(s.features, 0, s);
      } else {
        float[] states = s.states((end - begin) * 2 * hidden);
        direction(ids, begin, end, 0, states, s);
        direction(ids, begin, end, 1, states, s);
        if (pooling.equals("max-logits") && end > begin) {
          maxLogits(states, end - begin, out, at, s);
          return;
        }
        pool(states, end - begin, s.features);
        head(s.features, 0, s);
      }
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
      mean(ids, begin, end, s);
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

    private void mean(int[] ids, int begin, int end, JavaScratch s) {
      float[] mean = s.mean;
      java.util.Arrays.fill(mean, 0);
      int part = folded ? gates : mean.length;
      for (int i = begin; i < end; i++) {
        for (int from = 0; from < mean.length; from += part) {
          table.read(ids[i], from, part, s.row, from);
        }
        for (int j = 0; j < mean.length; j++) {
          mean[j] += s.row[j];
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
        head[i].forward(x, from, y, s.quantized);
        for (int j = 0; j < y.length && i < head.length - 1; j++) {
          y[j] = y[j] < 0 ? 0 : y[j];
        }
        x = y;
        from = 0;
      }
    }
  }
}
