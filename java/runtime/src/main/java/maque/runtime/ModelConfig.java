package maque.runtime;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model's {@code config.json}, read key by key with errors that name file and key. */
final class ModelConfig {
  static final String BERT = "bert";
  static final String SEQUENCE = "maque-sequence";
  static final String DOCUMENT = "maque-document";
  static final String BAG = "maque-bag";

  /** config.json's key of {@link #temperature()}. */
  static final String TEMPERATURE = "calibration_temperature";

  private static final double MIN_TEMPERATURE = 0.01;
  private static final double MAX_TEMPERATURE = 100;
  private static final int MAX_SIZE = 1 << 24;

  private final Map<String, Object> values;
  private final String source;
  private final int headOutputs;

  /**
   * Reads.
   *
   * @param headOutputs classes of the head among the weights, 0 for none: what counts where the
   *     configuration has no num_labels, as Hugging Face's have none
   */
  ModelConfig(Map<String, Object> values, String source, int headOutputs) {
    this.values = values;
    this.source = source;
    this.headOutputs = headOutputs;
    oneOf("model_type", null, BERT, SEQUENCE, DOCUMENT, BAG);
    ngrams();
  }

  Map<String, Object> values() {
    return values;
  }

  String modelType() {
    return (String) values.get("model_type");
  }

  boolean isBert() {
    return modelType().equals(BERT);
  }

  /** Whether the student has n-grams alone. */
  boolean isBag() {
    return modelType().equals(BAG);
  }

  /** The student's n-grams, or null. */
  Ngrams ngrams() {
    Ngrams ngrams = isBert() ? null : Ngrams.of(values, source);
    if (isBag() && ngrams == null) {
      throw error("ngrams", "an object, since a bag reads n-grams alone", null);
    }
    return ngrams;
  }

  /** Entries of vocab.txt; a bag of characters has none. */
  int vocabSize() {
    boolean none = isBag() && ngrams().unit() == Ngrams.Unit.CHARACTERS;
    return none ? 0 : size("vocab_size");
  }

  /** Classes; 0 for an encoder without a head. */
  int labels() {
    return values.containsKey("num_labels")
        ? size("num_labels", isBert() ? 0 : 2, 65536)
        : headOutputs;
  }

  /**
   * Names for the labels where no labels.txt has them: id2label's, else Hugging Face's LABEL_0 and
   * so on.
   */
  List<String> defaultLabels() {
    List<String> names = new ArrayList<>();
    Map<?, ?> named = values.get("id2label") instanceof Map<?, ?> map ? map : Map.of();
    for (int i = 0; i < labels(); i++) {
      Object name = named.get(Integer.toString(i));
      names.add(name instanceof String text ? text : "LABEL_" + i);
    }
    return names;
  }

  String pooling(boolean hasPooler) {
    return switch (modelType()) {
      case BERT -> oneOf("pooling", hasPooler ? "pooler" : "cls", "pooler", "cls", "mean");
      case SEQUENCE -> oneOf("pooling", null, "max-logits", "max", "mean", "last");
      default -> "";
    };
  }

  /** Sizes of the head's hidden layers. */
  List<Integer> head() {
    Object value = values.getOrDefault("head", List.of());
    List<Integer> sizes = new ArrayList<>();
    if (!(value instanceof List<?> list)) {
      throw error("head", "a list of sizes", value);
    }
    for (Object item : list) {
      if (!(item instanceof Long size) || size < 1 || size > MAX_SIZE) {
        throw error("head", "a list of sizes", value);
      }
      sizes.add(size.intValue());
    }
    return sizes;
  }

  /** Element type of the weights: {@code fp32}, {@code bf16} or {@code int8}. */
  String precision() {
    return oneOf("precision", "fp32", "fp32", "bf16", "int8");
  }

  /**
   * Whether this is a BERT with products of 8-bit integers; see {@link ModelTensors#isInt8Weight}.
   */
  boolean isInt8Bert() {
    return isBert() && precision().equals("int8");
  }

  /** The same with another precision. */
  ModelConfig withPrecision(String precision) {
    Map<String, Object> changed = new LinkedHashMap<>(values);
    changed.put("precision", precision);
    return new ModelConfig(Collections.unmodifiableMap(changed), source, headOutputs);
  }

  /** Whether this is a student in the form that serves, which has precision and folded. */
  boolean isServing() {
    return !isBert() && (values.containsKey("folded") || values.containsKey("precision"));
  }

  /** Whether the table's rows are gate pre-activations; a serving form's only. */
  boolean isFolded() {
    if (!(values.get("folded") instanceof Boolean folded)) {
      throw error("folded", "true or false", values.get("folded"));
    }
    return folded;
  }

  /** Ids that a text may have, special tokens included. */
  int maxTokens() {
    int limit = isBert() ? size("max_position_embeddings") : MAX_SIZE;
    if (!values.containsKey("max_tokens")) {
      return Math.min(128, limit);
    }
    return size("max_tokens", isBert() ? 2 : 1, limit);
  }

  /** What logits are divided by before they become probabilities. */
  double temperature() {
    double value = real(TEMPERATURE, 1);
    if (value < MIN_TEMPERATURE || value > MAX_TEMPERATURE) {
      throw error(
          TEMPERATURE, "a number from " + MIN_TEMPERATURE + " to " + MAX_TEMPERATURE, value);
    }
    return value;
  }

  int size(String key) {
    return size(key, 1, MAX_SIZE);
  }

  private int size(String key, int least, int most) {
    Object value = values.get(key);
    if (!(value instanceof Long number) || number < least || number > most) {
      throw error(key, "a whole number from " + least + " to " + most, value);
    }
    return number.intValue();
  }

  private double real(String key, double otherwise) {
    Object value = values.getOrDefault(key, otherwise);
    if (!(value instanceof Number number) || !(number.doubleValue() > 0)) {
      throw error(key, "a number above 0", value);
    }
    return number.doubleValue();
  }

  private String oneOf(String key, String otherwise, String... choices) {
    Object value = values.containsKey(key) ? values.get(key) : otherwise;
    if (!(value instanceof String text) || !List.of(choices).contains(text)) {
      throw error(key, "one of " + String.join(", ", choices), value);
    }
    return text;
  }

  private ModelFormatException error(String key, String expected, Object found) {
    String what = found == null ? "nothing" : found instanceof Map ? "an object" : found.toString();
    return new ModelFormatException(
        source + ": " + key + ": expected " + expected + ", found " + what);
  }

  /** The options that the native builder takes; see {@code abi/maque.h}. */
  Map<String, String> options(boolean hasPooler) {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("kind", isBert() ? "bert" : modelType().substring("maque-".length()));
    options.put("num_labels", Integer.toString(labels()));
    options.put("head", String.join(",", head().stream().map(String::valueOf).toList()));
    if (isBert()) {
      bertOptions(options);
    } else if (!isBag()) {
      for (String key : List.of("vocab_size", "embedding_size", "hidden_size")) {
        options.put(key, Integer.toString(size(key)));
      }
    }
    if (isBert() || modelType().equals(SEQUENCE)) {
      options.put("pooling", pooling(hasPooler));
    }
    if (isBert() && !precision().equals("fp32")) {
      options.put("precision", precision());
    }
    if (ngrams() != null) {
      options.put("ngram_buckets", Integer.toString(ngrams().buckets()));
      options.put("ngram_width", Integer.toString(ngrams().width()));
    }
    if (isServing() && isBag() && isFolded()) {
      throw error("folded", "false of a bag, which has no projection to fold", true);
    }
    if (isServing()) {
      options.put("precision", precision());
      options.put("folded", Boolean.toString(isFolded()));
    }
    return options;
  }

  private void bertOptions(Map<String, String> options) {
    for (String key :
        List.of(
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size")) {
      options.put(key, Integer.toString(size(key)));
    }
    if (size("hidden_size") % size("num_attention_heads") != 0) {
      throw error(
          "num_attention_heads",
          "a divisor of hidden_size " + size("hidden_size"),
          values.get("num_attention_heads"));
    }
    oneOf("position_embedding_type", "absolute", "absolute");
    options.put("layer_norm_eps", Json.line(real("layer_norm_eps", 1e-12)));
    options.put(
        "hidden_act", oneOf("hidden_act", "gelu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu"));
  }
}
