package maque.examples;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;

/**
 * A BERT of two layers with random weights, so that the tutorial needs no download. Yours comes
 * from {@code maque import} or {@link maque.training.imports.HuggingFaceBert}.
 */
final class RandomBert {
  private static final int HIDDEN = 16;
  private static final int INTERMEDIATE = 32;
  private static final int LAYERS = 2;
  private static final int POSITIONS = 32;

  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final Random random = new Random(1);

  private RandomBert(int vocabulary) {
    matrix("embeddings.word_embeddings.weight", vocabulary, HIDDEN);
    matrix("embeddings.position_embeddings.weight", POSITIONS, HIDDEN);
    matrix("embeddings.token_type_embeddings.weight", 2, HIDDEN);
    norm("embeddings.LayerNorm");
    for (int i = 0; i < LAYERS; i++) {
      String layer = "encoder.layer." + i + ".";
      for (String part : List.of("query", "key", "value")) {
        linear(layer + "attention.self." + part, HIDDEN, HIDDEN);
      }
      linear(layer + "attention.output.dense", HIDDEN, HIDDEN);
      norm(layer + "attention.output.LayerNorm");
      linear(layer + "intermediate.dense", INTERMEDIATE, HIDDEN);
      linear(layer + "output.dense", HIDDEN, INTERMEDIATE);
      norm(layer + "output.LayerNorm");
    }
  }

  /** Writes the encoder's directory; its word pieces are the words. */
  static Path write(Path directory, List<String> words) {
    List<String> vocabulary =
        new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    vocabulary.addAll(words);
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "bert");
    config.put("vocab_size", (long) vocabulary.size());
    config.put("hidden_size", (long) HIDDEN);
    config.put("num_hidden_layers", (long) LAYERS);
    config.put("num_attention_heads", 2L);
    config.put("intermediate_size", (long) INTERMEDIATE);
    config.put("max_position_embeddings", (long) POSITIONS);
    config.put("type_vocab_size", 2L);
    config.put("layer_norm_eps", 1e-12);
    config.put("tokenizer", Map.of("type", "wordpiece", "lowercase", true, "special_tokens", true));
    config.put("max_tokens", (long) POSITIONS);
    return ModelDirectory.write(directory)
        .config(config)
        .nativeTensors(new RandomBert(vocabulary.size()).tensors)
        .vocab(vocabulary)
        .commit();
  }

  private void linear(String name, int rows, int columns) {
    matrix(name + ".weight", rows, columns);
    tensors.put(name + ".bias", Tensor.of(name + ".bias", new long[] {rows}, new float[rows]));
  }

  private void norm(String name) {
    float[] ones = new float[HIDDEN];
    Arrays.fill(ones, 1);
    long[] shape = {HIDDEN};
    tensors.put(name + ".weight", Tensor.of(name + ".weight", shape, ones));
    tensors.put(name + ".bias", Tensor.of(name + ".bias", shape, new float[HIDDEN]));
  }

  private void matrix(String name, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.3 * random.nextGaussian());
    }
    tensors.put(name, Tensor.of(name, new long[] {rows, columns}, values));
  }
}
