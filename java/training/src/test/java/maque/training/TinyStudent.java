package maque.training;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.Ngrams;
import maque.runtime.Tensor;

/** Students of random weights in the training form. */
final class TinyStudent {
  static final List<String> WORDS =
      List.of("[UNK]", "red", "green", "blue", "麻雀", "sparrow", "tree", "stone");
  static final List<String> LABELS = List.of("small", "complete", "鸟");

  private static final String NGRAMS = " ngrams";
  private static final int BUCKETS = 64;
  private static final int WIDTH = 6;

  private TinyStudent() {}

  /**
   * Writes one with embeddings of 7, 5 hidden units and n-grams of 6.
   *
   * @param name bag, document or a sequence's pooling; the latter two with {@code " ngrams"} behind
   *     for n-grams beside the biLSTM
   */
  static Path write(Path directory, String name, long seed) {
    String kind = name.split(" ")[0];
    boolean document = kind.equals("document");
    boolean bag = kind.equals("bag");
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", bag || document ? "maque-" + kind : "maque-sequence");
    config.put("num_labels", LABELS.size());
    if (!document && !bag) {
      config.put("pooling", kind);
    }
    config.put("head", List.of(4L));
    config.put("vocab_size", WORDS.size());
    if (!bag) {
      config.put("embedding_size", 7);
      config.put("hidden_size", 5);
    }
    boolean ngrams = bag || name.endsWith(NGRAMS);
    if (ngrams) {
      config.put("ngrams", new Ngrams(Ngrams.Unit.TOKENS, 1, 2, BUCKETS, WIDTH).toMap());
    }
    config.put("max_tokens", 16);
    config.put("tokenizer", Map.of("type", "words", "segmenter", "spaces"));
    return ModelDirectory.write(directory)
        .config(Json.parseObject(Json.write(config), "test"))
        .nativeTensors(weights(kind, ngrams, new Random(seed)))
        .vocab(WORDS)
        .labels(LABELS)
        .training(Map.of("seed", seed))
        .commit();
  }

  private static Map<String, Tensor> weights(String kind, boolean ngrams, Random random) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    if (!kind.equals("bag")) {
      lstm(tensors, kind.equals("document"), random);
    }
    int features = (kind.equals("bag") ? 0 : 10) + (ngrams ? WIDTH : 0);
    put(tensors, random, "head.0.weight", 4, features);
    put(tensors, random, "head.0.bias", 4);
    put(tensors, random, "head.2.weight", LABELS.size(), 4);
    put(tensors, random, "head.2.bias", LABELS.size());
    if (ngrams) {
      put(tensors, random, "ngrams.weight", BUCKETS, WIDTH);
    }
    return tensors;
  }

  private static void lstm(Map<String, Tensor> tensors, boolean document, Random random) {
    put(tensors, random, document ? "vectors.weight" : "embedding.weight", WORDS.size(), 7);
    for (String direction : List.of("_l0", "_l0_reverse")) {
      put(tensors, random, "lstm.weight_ih" + direction, 20, 7);
      put(tensors, random, "lstm.weight_hh" + direction, 20, 5);
      put(tensors, random, "lstm.bias_ih" + direction, 20);
      put(tensors, random, "lstm.bias_hh" + direction, 20);
    }
  }

  private static void put(Map<String, Tensor> tensors, Random random, String name, long... shape) {
    float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * 0.5f;
    }
    tensors.put(name, Tensor.of(name, shape, values));
  }
}
