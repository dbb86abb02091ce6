package maque.training.golden;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.training.Trainer;

/** Options of a small model and seeded weights, by the native interface's names. */
record ModelSpec(
    Map<String, String> options, Map<String, long[]> shapes, Map<String, float[]> weights) {
  static final int CLASSES = 5;

  String option(String key) {
    return options.get(key);
  }

  int integer(String key) {
    return Integer.parseInt(options.get(key));
  }

  /** The same weights with one more option. */
  ModelSpec with(String key, String value) {
    Map<String, String> more = new LinkedHashMap<>(options);
    more.put(key, value);
    return new ModelSpec(more, shapes, weights);
  }

  /** The same, trained by half of each loss: Hinton's, at temperature 2. */
  ModelSpec distilled() {
    return with("ce_weight", "0.5")
        .with("soft_weight", "0.5")
        .with("soft_loss", "kl")
        .with("temperature", "2");
  }

  Trainer trainer() {
    Trainer.Builder builder = Trainer.builder();
    options.forEach(builder::option);
    shapes.forEach((name, shape) -> builder.tensor(name, shape, weights.get(name)));
    return builder.build();
  }

  /** Two layers; sizes that are no multiples of 16, so that every kernel has a tail. */
  static ModelSpec teacher(String pooling, String head) {
    return teacher(pooling, head, "gelu", 2, 28, 4, 44, 61, 24);
  }

  static ModelSpec teacher(
      String pooling,
      String head,
      String activation,
      int layers,
      int h,
      int heads,
      int f,
      int vocabulary,
      int positions) {
    Map<String, String> options = options("bert", head, pooling);
    options.put("vocab_size", "" + vocabulary);
    options.put("hidden_size", "" + h);
    options.put("num_hidden_layers", "" + layers);
    options.put("num_attention_heads", "" + heads);
    options.put("intermediate_size", "" + f);
    options.put("max_position_embeddings", "" + positions);
    options.put("type_vocab_size", "2");
    options.put("layer_norm_eps", "1e-12");
    options.put("hidden_act", activation);
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("embeddings.word_embeddings.weight", new long[] {vocabulary, h});
    shapes.put("embeddings.position_embeddings.weight", new long[] {positions, h});
    shapes.put("embeddings.token_type_embeddings.weight", new long[] {2, h});
    pair(shapes, "embeddings.LayerNorm", h);
    for (int i = 0; i < layers; i++) {
      String layer = "encoder.layer." + i + ".";
      for (String part :
          List.of("attention.self.query", "attention.self.key", "attention.self.value")) {
        pair(shapes, layer + part, h, h);
      }
      pair(shapes, layer + "attention.output.dense", h, h);
      pair(shapes, layer + "attention.output.LayerNorm", h);
      pair(shapes, layer + "intermediate.dense", f, h);
      pair(shapes, layer + "output.dense", h, f);
      pair(shapes, layer + "output.LayerNorm", h);
    }
    if (pooling.equals("pooler")) {
      pair(shapes, "pooler.dense", h, h);
    }
    head(shapes, head, h);
    return new ModelSpec(options, shapes, weights(shapes, 3));
  }

  static ModelSpec sequence(String pooling, String head, int vocabulary, int embedding, int h) {
    Map<String, String> options = options("sequence", head, pooling);
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("embedding.weight", new long[] {vocabulary, embedding});
    return student(options, shapes, head, vocabulary, embedding, h);
  }

  static ModelSpec document(String head, int vocabulary, int embedding, int h) {
    Map<String, String> options = options("document", head, null);
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("vectors.weight", new long[] {vocabulary, embedding});
    return student(options, shapes, head, vocabulary, embedding, h);
  }

  /** Nothing but the mean of n-grams before the head. */
  static ModelSpec bag(String head, int buckets, int width) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    head(shapes, head, 0);
    return new ModelSpec(options("bag", head, null), shapes, Map.of()).withNgrams(buckets, width);
  }

  /** The mean of n-grams beside what the head reads. */
  ModelSpec withNgrams(int buckets, int width) {
    Map<String, String> more = new LinkedHashMap<>(options);
    more.put("ngram_buckets", "" + buckets);
    more.put("ngram_width", "" + width);
    Map<String, long[]> wider = new LinkedHashMap<>(shapes);
    long[] head = shapes.get("head.0.weight");
    wider.put("head.0.weight", new long[] {head[0], head[1] + width});
    wider.put("ngrams.weight", new long[] {buckets, width});
    return new ModelSpec(more, wider, weights(wider, 5));
  }

  private static ModelSpec student(
      Map<String, String> options,
      Map<String, long[]> shapes,
      String head,
      int vocabulary,
      int embedding,
      int h) {
    options.put("vocab_size", "" + vocabulary);
    options.put("embedding_size", "" + embedding);
    options.put("hidden_size", "" + h);
    for (String suffix : List.of("", "_reverse")) {
      shapes.put("lstm.weight_ih_l0" + suffix, new long[] {4 * h, embedding});
      shapes.put("lstm.weight_hh_l0" + suffix, new long[] {4 * h, h});
      shapes.put("lstm.bias_ih_l0" + suffix, new long[] {4 * h});
      shapes.put("lstm.bias_hh_l0" + suffix, new long[] {4 * h});
    }
    head(shapes, head, 2 * h);
    return new ModelSpec(options, shapes, weights(shapes, 4));
  }

  private static Map<String, String> options(String kind, String head, String pooling) {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("kind", kind);
    options.put("num_labels", "" + CLASSES);
    options.put("head", head);
    if (pooling != null) {
      options.put("pooling", pooling);
    }
    return options;
  }

  private static void pair(Map<String, long[]> shapes, String name, long... weight) {
    shapes.put(name + ".weight", weight);
    shapes.put(name + ".bias", new long[] {weight[0]});
  }

  private static void head(Map<String, long[]> shapes, String head, int in) {
    List<Integer> sizes = new ArrayList<>();
    for (String size : head.split(",")) {
      if (!size.isEmpty()) {
        sizes.add(Integer.valueOf(size));
      }
    }
    sizes.add(CLASSES);
    for (int i = 0; i < sizes.size(); i++) {
      pair(shapes, "head." + 2 * i, sizes.get(i), in);
      in = sizes.get(i);
    }
  }

  /** Weights large enough that every part of the model shows in the result. */
  private static Map<String, float[]> weights(Map<String, long[]> shapes, long seed) {
    Random random = new Random(seed);
    Map<String, float[]> weights = new LinkedHashMap<>();
    shapes.forEach(
        (name, shape) -> {
          int size = 1;
          for (long dim : shape) {
            size *= (int) dim;
          }
          boolean matrix = shape.length == 2;
          double scale =
              matrix && !name.contains("embedding")
                  ? 1.2 / Math.sqrt(shape[1])
                  : matrix ? 0.7 : 0.2;
          double centre = name.endsWith("LayerNorm.weight") ? 1 : 0;
          float[] values = new float[size];
          for (int i = 0; i < size; i++) {
            values[i] = (float) (centre + scale * random.nextGaussian());
          }
          weights.put(name, values);
        });
    return weights;
  }
}
