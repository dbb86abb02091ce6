package maque.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Models of a few numbers, and their logits computed by plain loops in double. */
final class TinyModels {
  static final List<String> WORDS = List.of("[UNK]", "red", "green", "blue", "麻雀", "sparrow");
  static final List<String> PIECES =
      List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##c", "麻", "雀");
  static final List<String> LABELS = List.of("small", "complete", "鸟");

  private TinyModels() {}

  static Map<String, Object> studentConfig(String kind, String pooling) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "maque-" + kind);
    config.put("num_labels", LABELS.size());
    if (pooling != null) {
      config.put("pooling", pooling);
    }
    config.put("head", List.of(4L));
    config.put("vocab_size", WORDS.size());
    config.put("embedding_size", 3);
    config.put("hidden_size", 5);
    config.put("max_tokens", 16);
    config.put("tokenizer", Map.of("type", "words", "segmenter", "spaces"));
    return config;
  }

  static Map<String, Object> teacherConfig(String pooling, List<Long> head) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "bert");
    config.put("num_labels", LABELS.size());
    config.put("pooling", pooling);
    config.put("head", head);
    config.put("vocab_size", PIECES.size());
    config.put("hidden_size", 8);
    config.put("num_hidden_layers", 2);
    config.put("num_attention_heads", 2);
    config.put("intermediate_size", 12);
    config.put("max_position_embeddings", 20);
    config.put("type_vocab_size", 2);
    config.put("layer_norm_eps", 1e-12);
    config.put("hidden_act", "gelu");
    config.put("max_tokens", 16);
    return config;
  }

  /** Random weights for a configuration, native names. */
  static Map<String, Tensor> weights(Map<String, Object> config, long seed) {
    Random random = new Random(seed);
    ModelConfig parsed = new ModelConfig(Json.parseObject(Json.write(config), "test"), "test", 0);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    ModelTensors.shapes(parsed, true)
        .forEach(
            (name, shape) -> {
              float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
              for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian() * 0.5f;
              }
              tensors.put(name, Tensor.of(name, shape, values));
            });
    return tensors;
  }

  static ModelDirectory.Writer writer(Path directory, Map<String, Object> config, long seed) {
    return ModelDirectory.write(directory)
        .config(config)
        .nativeTensors(weights(config, seed))
        .vocab("bert".equals(config.get("model_type")) ? PIECES : WORDS)
        .labels(LABELS)
        .training(Map.of("seed", seed));
  }

  static Path student(Path directory, String kind, String pooling) {
    return writer(directory, studentConfig(kind, pooling), 1).commit();
  }

  static Path teacher(Path directory) {
    return writer(directory, teacherConfig("pooler", List.of()), 1).commit();
  }

  /** A student's logits from its file's tensors. */
  static double[] logits(ModelDirectory model, int... ids) {
    Map<String, Tensor> tensors = model.nativeTensors();
    boolean document = model.modelType().equals("maque-document");
    double[][] rows = rows(tensors.get(document ? "vectors.weight" : "embedding.weight"));
    List<double[]> inputs = new ArrayList<>();
    for (int id : ids) {
      inputs.add(rows[id]);
    }
    if (document) {
      inputs = List.of(mean(inputs, rows[0].length));
    }
    int hidden = (int) tensors.get("lstm.weight_hh_l0").shape()[1];
    List<double[]> states = biLstm(tensors, inputs, hidden);
    String pooling = document ? "last" : (String) model.config().get("pooling");
    return pool(pooling, tensors, states, hidden);
  }

  private static double[] pool(
      String pooling, Map<String, Tensor> tensors, List<double[]> states, int hidden) {
    double[] features = new double[2 * hidden];
    if (states.isEmpty()) {
      return head(tensors, features);
    }
    switch (pooling) {
      case "max-logits":
        return max(states.stream().map(state -> head(tensors, state)).toList());
      case "max":
        return head(tensors, max(states));
      case "mean":
        return head(tensors, mean(states, 2 * hidden));
      default:
        System.arraycopy(states.get(states.size() - 1), 0, features, 0, hidden);
        System.arraycopy(states.get(0), hidden, features, hidden, hidden);
        return head(tensors, features);
    }
  }

  private static double[] max(List<double[]> rows) {
    double[] max = rows.get(0).clone();
    for (double[] row : rows) {
      for (int i = 0; i < max.length; i++) {
        max[i] = Math.max(max[i], row[i]);
      }
    }
    return max;
  }

  private static double[] mean(List<double[]> rows, int size) {
    double[] mean = new double[size];
    for (double[] row : rows) {
      for (int i = 0; i < size; i++) {
        mean[i] += row[i] / rows.size();
      }
    }
    return mean;
  }

  private static List<double[]> biLstm(
      Map<String, Tensor> tensors, List<double[]> inputs, int hidden) {
    List<double[]> states = new ArrayList<>();
    for (int t = 0; t < inputs.size(); t++) {
      states.add(new double[2 * hidden]);
    }
    for (int direction = 0; direction < 2; direction++) {
      String suffix = "_l0" + (direction == 0 ? "" : "_reverse");
      double[] h = new double[hidden];
      double[] c = new double[hidden];
      for (int step = 0; step < inputs.size(); step++) {
        int t = direction == 0 ? step : inputs.size() - 1 - step;
        double[] input =
            linear(tensors, "lstm.weight_ih" + suffix, "lstm.bias_ih" + suffix, inputs.get(t));
        double[] recurrent = linear(tensors, "lstm.weight_hh" + suffix, "lstm.bias_hh" + suffix, h);
        for (int i = 0; i < hidden; i++) {
          double in = sigmoid(input[i] + recurrent[i]);
          double forget = sigmoid(input[hidden + i] + recurrent[hidden + i]);
          double cell = Math.tanh(input[2 * hidden + i] + recurrent[2 * hidden + i]);
          double out = sigmoid(input[3 * hidden + i] + recurrent[3 * hidden + i]);
          c[i] = forget * c[i] + in * cell;
          states.get(t)[direction * hidden + i] = out * Math.tanh(c[i]);
        }
        System.arraycopy(states.get(t), direction * hidden, h, 0, hidden);
      }
    }
    return states;
  }

  private static double[] head(Map<String, Tensor> tensors, double[] features) {
    double[] x = features;
    for (int layer = 0; tensors.containsKey("head." + layer + ".weight"); layer += 2) {
      if (layer > 0) {
        x = Arrays.stream(x).map(v -> Math.max(v, 0)).toArray();
      }
      x = linear(tensors, "head." + layer + ".weight", "head." + layer + ".bias", x);
    }
    return x;
  }

  private static double[] linear(
      Map<String, Tensor> tensors, String weight, String bias, double[] x) {
    double[][] w = rows(tensors.get(weight));
    float[] b = tensors.get(bias).floats();
    double[] y = new double[w.length];
    for (int i = 0; i < w.length; i++) {
      y[i] = b[i];
      for (int j = 0; j < x.length; j++) {
        y[i] += w[i][j] * x[j];
      }
    }
    return y;
  }

  private static double[][] rows(Tensor tensor) {
    float[] values = tensor.floats();
    int columns = (int) tensor.shape()[1];
    double[][] rows = new double[(int) tensor.shape()[0]][columns];
    for (int i = 0; i < values.length; i++) {
      rows[i / columns][i % columns] = values[i];
    }
    return rows;
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
