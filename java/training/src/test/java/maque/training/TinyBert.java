package maque.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;

/** A BERT of two layers with random weights, and texts that it can learn to tell apart. */
final class TinyBert {
  static final int HIDDEN = 16;
  static final int INTERMEDIATE = 24;
  static final int LAYERS = 2;
  static final int POSITIONS = 32;
  static final List<String> CLASSES = List.of("red", "green", "blue");
  private static final int WORDS = 30;

  private TinyBert() {}

  static List<String> vocabulary() {
    List<String> vocab = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    for (int i = 0; i < WORDS; i++) {
      vocab.add("w" + i);
    }
    return vocab;
  }

  /** Writes an encoder without a head. */
  static Path write(Path directory, boolean pooler) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    int vocab = vocabulary().size();
    matrix(tensors, "embeddings.word_embeddings.weight", vocab, HIDDEN);
    matrix(tensors, "embeddings.position_embeddings.weight", POSITIONS, HIDDEN);
    matrix(tensors, "embeddings.token_type_embeddings.weight", 2, HIDDEN);
    norm(tensors, "embeddings.LayerNorm");
    for (int i = 0; i < LAYERS; i++) {
      String layer = "encoder.layer." + i + ".";
      for (String part : List.of("query", "key", "value")) {
        linear(tensors, layer + "attention.self." + part, HIDDEN, HIDDEN);
      }
      linear(tensors, layer + "attention.output.dense", HIDDEN, HIDDEN);
      norm(tensors, layer + "attention.output.LayerNorm");
      linear(tensors, layer + "intermediate.dense", INTERMEDIATE, HIDDEN);
      linear(tensors, layer + "output.dense", HIDDEN, INTERMEDIATE);
      norm(tensors, layer + "output.LayerNorm");
    }
    if (pooler) {
      linear(tensors, "pooler.dense", HIDDEN, HIDDEN);
    }
    return ModelDirectory.write(directory)
        .config(config(vocab))
        .nativeTensors(tensors)
        .vocab(vocabulary())
        .commit();
  }

  private static Map<String, Object> config(int vocab) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "bert");
    config.put("vocab_size", vocab);
    config.put("hidden_size", HIDDEN);
    config.put("num_hidden_layers", LAYERS);
    config.put("num_attention_heads", 2);
    config.put("intermediate_size", INTERMEDIATE);
    config.put("max_position_embeddings", POSITIONS);
    config.put("type_vocab_size", 2);
    config.put("layer_norm_eps", 1e-12);
    config.put("hidden_act", "gelu");
    config.put("max_tokens", POSITIONS);
    config.put("clean", "none");
    Map<String, Object> tokenizer = new LinkedHashMap<>();
    tokenizer.put("type", "wordpiece");
    tokenizer.put("lowercase", true);
    tokenizer.put("strip_accents", null);
    tokenizer.put("tokenize_chinese_chars", true);
    tokenizer.put("special_tokens", true);
    config.put("tokenizer", tokenizer);
    return config;
  }

  private static void matrix(Map<String, Tensor> tensors, String name, int rows, int columns) {
    float[] values = new SeededRandom(11, name).normal(rows * columns, 0.3);
    tensors.put(name, Tensor.of(name, new long[] {rows, columns}, values));
  }

  private static void linear(Map<String, Tensor> tensors, String name, int out, int in) {
    matrix(tensors, name + ".weight", out, in);
    float[] bias = new SeededRandom(11, name + ".bias").normal(out, 0.1);
    tensors.put(name + ".bias", Tensor.of(name + ".bias", new long[] {out}, bias));
  }

  private static void norm(Map<String, Tensor> tensors, String name) {
    float[] ones = new float[HIDDEN];
    Arrays.fill(ones, 1);
    tensors.put(name + ".weight", Tensor.of(name + ".weight", new long[] {HIDDEN}, ones));
    tensors.put(name + ".bias", Tensor.of(name + ".bias", new long[] {HIDDEN}, new float[HIDDEN]));
  }

  /** Texts of 1 to 12 words, most of them from the third of the words that their class prefers. */
  static DataSet data(String name, int n, long seed) {
    SeededRandom random = new SeededRandom(seed, name);
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      int label = random.nextInt(CLASSES.size());
      StringBuilder text = new StringBuilder();
      int length = 1 + random.nextInt(12);
      for (int w = 0; w < length; w++) {
        boolean typical = random.nextDouble() < 0.6;
        int word = typical ? label * WORDS / 3 + random.nextInt(WORDS / 3) : random.nextInt(WORDS);
        text.append(w == 0 ? "" : " ").append('w').append(word);
      }
      examples.add(new Example(text.toString(), label));
    }
    return DataSet.of(name, examples, CLASSES);
  }

  /** Options for a run of well under a second. */
  static TeacherOptions teacher() {
    return TeacherOptions.defaults()
        .maxTokens(16)
        .batchSize(16)
        .poolBatches(3)
        .head(List.of(12))
        .lr(2e-3)
        .epochs(3)
        .evaluateEvery(5)
        .seed(3);
  }
}
