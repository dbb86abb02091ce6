package maque.training.imports;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Tensor;

/** Writes an imported encoder as a model directory without a head. */
final class EncoderDirectory {
  static final int DEFAULT_MAX_TOKENS = 128;

  private EncoderDirectory() {}

  /** Geometry of an encoder, under the names of Hugging Face's BertConfig. */
  static Map<String, Object> geometry(
      long vocabulary,
      long hidden,
      long layers,
      long heads,
      long intermediate,
      long positions,
      long types) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "bert");
    config.put("vocab_size", vocabulary);
    config.put("hidden_size", hidden);
    config.put("num_hidden_layers", layers);
    config.put("num_attention_heads", heads);
    config.put("intermediate_size", intermediate);
    config.put("max_position_embeddings", positions);
    config.put("type_vocab_size", types);
    return config;
  }

  /**
   * Completes the configuration and writes the directory. Tensors bear names without the prefix
   * {@code bert.}.
   */
  static ImportReport write(
      Path directory,
      Map<String, Object> config,
      Map<String, Tensor> tensors,
      TokenizerSettings tokenizer,
      Map<String, Object> source,
      List<String> ignored) {
    long vocabulary = ((Number) config.get("vocab_size")).longValue();
    if (vocabulary != tokenizer.vocabulary().size()) {
      throw new ModelFormatException(
          directory.getFileName()
              + ": expected a vocabulary of "
              + vocabulary
              + " tokens as the weights have, found "
              + tokenizer.vocabulary().size());
    }
    long positions = ((Number) config.get("max_position_embeddings")).longValue();
    long wanted = tokenizer.maxTokens() > 0 ? tokenizer.maxTokens() : DEFAULT_MAX_TOKENS;
    config.put("max_tokens", Math.min(wanted, positions));
    config.put("clean", "none");
    config.put("tokenizer", tokenizer.toConfig());
    config.put("source", source);
    Map<String, Tensor> named = new LinkedHashMap<>();
    long parameters = 0;
    for (Tensor tensor : tensors.values()) {
      String name = "bert." + tensor.name();
      named.put(name, tensor.named(name));
      parameters += tensor.elements();
    }
    ModelDirectory.write(directory)
        .config(config)
        .tensors(named)
        .vocab(tokenizer.vocabulary())
        .commit();
    return new ImportReport(
        directory, Collections.unmodifiableMap(config), named.size(), parameters, ignored);
  }

  /** A matrix [rows, columns] of floats as [columns, rows], in blocks that fit the first cache. */
  static ByteBuffer transposed(ByteBuffer source, int rows, int columns) {
    ByteBuffer target =
        ByteBuffer.allocateDirect(source.remaining()).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer from = source.slice().order(ByteOrder.LITTLE_ENDIAN);
    final int block = 32;
    for (int i0 = 0; i0 < rows; i0 += block) {
      for (int j0 = 0; j0 < columns; j0 += block) {
        for (int j = j0; j < Math.min(j0 + block, columns); j++) {
          for (int i = i0; i < Math.min(i0 + block, rows); i++) {
            target.putInt(4 * (j * rows + i), from.getInt(4 * (i * columns + j)));
          }
        }
      }
    }
    return target;
  }
}
