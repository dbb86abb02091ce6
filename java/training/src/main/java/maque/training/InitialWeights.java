package maque.training;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * First values of fresh tensors, each a function of the seed and the tensor's name.
 *
 * <p>Linear layers begin as PyTorch's: weight and bias uniform within 1/sqrt(inputs). An LSTM
 * begins as PyTorch's, uniform within 1/sqrt(hidden), or as {@link #orthogonalLstm} says.
 * Embeddings are normal.
 */
final class InitialWeights {
  private static final double POOLER_SD = 0.02;

  private final long seed;
  private final Map<String, float[]> values = new LinkedHashMap<>();
  private final Map<String, long[]> shapes = new LinkedHashMap<>();

  InitialWeights(long seed) {
    this.seed = seed;
  }

  /** Gives the tensors to a builder. */
  void apply(Trainer.Builder builder) {
    values.forEach((name, value) -> builder.tensor(name, shapes.get(name), value));
  }

  void put(String name, float[] value, long... shape) {
    values.put(name, value);
    shapes.put(name, shape);
  }

  private SeededRandom random(String name) {
    return new SeededRandom(seed, name);
  }

  void embedding(String name, int rows, int width, double sd) {
    put(name, random(name).normal(Math.multiplyExact(rows, width), sd), rows, width);
  }

  /** The table of n-grams: zeros, so that an n-gram that was never met says nothing. */
  void ngrams(int buckets, int width) {
    put("ngrams.weight", new float[Math.multiplyExact(buckets, width)], buckets, width);
  }

  private void linear(String name, int in, int out) {
    double bound = 1 / StrictMath.sqrt(in);
    String weight = name + ".weight";
    put(weight, random(weight).uniform(Math.multiplyExact(out, in), bound), out, in);
    String bias = name + ".bias";
    put(bias, random(bias).uniform(out, bound), out);
  }

  /** Layers {@code head.0}, {@code head.2}, … from features over the hidden sizes to classes. */
  void head(int features, List<Integer> hidden, int classes) {
    int in = features;
    for (int i = 0; i < hidden.size(); i++) {
      linear("head." + 2 * i, in, hidden.get(i));
      in = hidden.get(i);
    }
    linear("head." + 2 * hidden.size(), in, classes);
  }

  /** As BERT's own beginning: normal with standard deviation .02, bias 0. */
  void pooler(int hidden) {
    String weight = "pooler.dense.weight";
    put(
        weight,
        random(weight).normal(Math.multiplyExact(hidden, hidden), POOLER_SD),
        hidden,
        hidden);
    put("pooler.dense.bias", new float[hidden], hidden);
  }

  void pytorchLstm(int input, int hidden) {
    double bound = 1 / StrictMath.sqrt(hidden);
    for (String direction : List.of("", "_reverse")) {
      lstm(
          direction,
          input,
          hidden,
          random("lstm.weight_ih_l0" + direction).uniform(4 * hidden * input, bound),
          random("lstm.weight_hh_l0" + direction).uniform(4 * hidden * hidden, bound),
          random("lstm.bias_ih_l0" + direction).uniform(4 * hidden, bound),
          random("lstm.bias_hh_l0" + direction).uniform(4 * hidden, bound));
    }
  }

  /**
   * Recurrent weights orthogonal for each gate (Saxe et al., arXiv 1312.6120), input weights
   * uniform within sqrt(6 / (inputs + hidden)) (Glorot and Bengio, 2010), biases 0, the forget
   * gate's 1 (Jozefowicz et al., 2015).
   */
  void orthogonalLstm(int input, int hidden) {
    double bound = StrictMath.sqrt(6.0 / (input + hidden));
    for (String direction : List.of("", "_reverse")) {
      SeededRandom random = random("lstm.weight_hh_l0" + direction);
      float[] recurrent = new float[4 * hidden * hidden];
      for (int gate = 0; gate < 4; gate++) {
        float[] block = orthogonal(random, hidden);
        System.arraycopy(block, 0, recurrent, gate * hidden * hidden, block.length);
      }
      float[] bias = new float[4 * hidden];
      Arrays.fill(bias, hidden, 2 * hidden, 1);
      lstm(
          direction,
          input,
          hidden,
          random("lstm.weight_ih_l0" + direction).uniform(4 * hidden * input, bound),
          recurrent,
          bias,
          new float[4 * hidden]);
    }
  }

  private void lstm(
      String direction,
      int input,
      int hidden,
      float[] weightInput,
      float[] weightHidden,
      float[] biasInput,
      float[] biasHidden) {
    put("lstm.weight_ih_l0" + direction, weightInput, 4L * hidden, input);
    put("lstm.weight_hh_l0" + direction, weightHidden, 4L * hidden, hidden);
    put("lstm.bias_ih_l0" + direction, biasInput, 4L * hidden);
    put("lstm.bias_hh_l0" + direction, biasHidden, 4L * hidden);
  }

  /** Rows of normal numbers made orthonormal by Gram and Schmidt, each twice for accuracy. */
  static float[] orthogonal(SeededRandom random, int n) {
    double[][] rows = new double[n][n];
    float[] out = new float[n * n];
    for (int i = 0; i < n; i++) {
      for (int c = 0; c < n; c++) {
        rows[i][c] = random.nextGaussian();
      }
      for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < i; j++) {
          subtract(rows[i], rows[j], dot(rows[i], rows[j]));
        }
      }
      double norm = StrictMath.sqrt(dot(rows[i], rows[i]));
      for (int c = 0; c < n; c++) {
        rows[i][c] /= norm;
        out[i * n + c] = (float) rows[i][c];
      }
    }
    return out;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int c = 0; c < a.length; c++) {
      sum += a[c] * b[c];
    }
    return sum;
  }

  private static void subtract(double[] a, double[] b, double factor) {
    for (int c = 0; c < a.length; c++) {
      a[c] -= factor * b[c];
    }
  }
}
