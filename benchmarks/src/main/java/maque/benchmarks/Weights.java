package maque.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import maque.runtime.Tensor;

/** Weights by the native interface's names, shared by all contenders. */
final class Weights {
  private final Map<String, float[]> values = new LinkedHashMap<>();
  private final Map<String, long[]> shapes = new LinkedHashMap<>();
  private final SplittableRandom random;

  Weights(long seed) {
    random = new SplittableRandom(seed);
  }

  static Weights of(Map<String, Tensor> tensors) {
    Weights weights = new Weights(0);
    tensors.forEach(
        (name, tensor) -> {
          weights.values.put(name, tensor.floats());
          weights.shapes.put(name, tensor.shape());
        });
    return weights;
  }

  /** Adds uniform numbers of this size around a centre. */
  Weights add(String name, double centre, double size, long... shape) {
    int n = 1;
    for (long dim : shape) {
      n *= (int) dim;
    }
    float[] array = new float[n];
    for (int i = 0; i < n; i++) {
      array[i] = (float) (centre + (random.nextDouble() * 2 - 1) * size);
    }
    values.put(name, array);
    shapes.put(name, shape);
    return this;
  }

  Map<String, float[]> values() {
    return values;
  }

  float[] get(String name) {
    return values.get(name);
  }

  long[] shape(String name) {
    return shapes.get(name);
  }

  Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    values.forEach((name, array) -> tensors.put(name, Tensor.of(name, shapes.get(name), array)));
    return tensors;
  }

  /** Two directions of an LSTM and a head with one hidden layer. */
  Weights addStudent(int in, int hidden, int middle, int classes) {
    double size = 1 / Math.sqrt(hidden);
    for (String suffix : new String[] {"", "_reverse"}) {
      add("lstm.weight_ih_l0" + suffix, 0, size, 4L * hidden, in);
      add("lstm.weight_hh_l0" + suffix, 0, size, 4L * hidden, hidden);
      add("lstm.bias_ih_l0" + suffix, 0, size, 4L * hidden);
      add("lstm.bias_hh_l0" + suffix, 0, size, 4L * hidden);
    }
    return addHead(2 * hidden, middle, classes);
  }

  Weights addHead(int in, int middle, int classes) {
    addLinear("head.0", middle, in);
    return addLinear("head.2", classes, middle);
  }

  private Weights addLinear(String name, int out, int in) {
    double size = 1 / Math.sqrt(in);
    return add(name + ".weight", 0, size, out, in).add(name + ".bias", 0, size, out);
  }

  /** A BERT encoder with a pooler, initialised as BERT is, and a head on the pooled vector. */
  static Weights bert(BertShape shape, int middle, int classes) {
    int hidden = shape.hidden();
    return encoder(shape)
        .addLinear("pooler.dense", hidden, hidden)
        .addHead(hidden, middle, classes);
  }

  /** A BERT encoder, initialised as BERT is. */
  static Weights encoder(BertShape shape) {
    int hidden = shape.hidden();
    int inner = shape.inner();
    Weights weights = new Weights(1);
    double size = 0.035;
    weights.add("embeddings.word_embeddings.weight", 0, size, shape.vocabulary(), hidden);
    weights.add("embeddings.position_embeddings.weight", 0, size, shape.positions(), hidden);
    weights.add("embeddings.token_type_embeddings.weight", 0, size, 2, hidden);
    weights.addNorm("embeddings.LayerNorm", hidden);
    for (int i = 0; i < shape.layers(); i++) {
      String layer = "encoder.layer." + i + ".";
      weights.addLinear(layer + "attention.self.query", hidden, hidden);
      weights.addLinear(layer + "attention.self.key", hidden, hidden);
      weights.addLinear(layer + "attention.self.value", hidden, hidden);
      weights.addLinear(layer + "attention.output.dense", hidden, hidden);
      weights.addNorm(layer + "attention.output.LayerNorm", hidden);
      weights.addLinear(layer + "intermediate.dense", inner, hidden);
      weights.addLinear(layer + "output.dense", hidden, inner);
      weights.addNorm(layer + "output.LayerNorm", hidden);
    }
    return weights;
  }

  private void addNorm(String name, int hidden) {
    add(name + ".weight", 1, 0.1, hidden);
    add(name + ".bias", 0, 0.1, hidden);
  }
}
