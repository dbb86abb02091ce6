package maque.training;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;

/**
 * What a teacher's logits depend on besides the text.
 *
 * @param teacher SHA-256 of weights and configuration
 * @param tokenizer SHA-256 of vocabulary, tokenizer options and cleaning
 * @param maxTokens texts are cut at this many tokens
 * @param labels names of the classes, in the logits' order
 */
public record TeacherKey(String teacher, String tokenizer, int maxTokens, List<String> labels) {
  public TeacherKey {
    labels = List.copyOf(labels);
  }

  /** The key of a model directory; reads all of its weights. */
  public static TeacherKey of(ModelDirectory model) {
    Map<String, Object> config = model.config();
    Sha256 weights = new Sha256().add(Json.line(config));
    for (Tensor tensor : new TreeMap<>(model.tensors()).values()) {
      weights.add(tensor.name()).add(tensor.dtype());
      for (long dim : tensor.shape()) {
        weights.add(dim);
      }
      weights.add(tensor.data());
    }
    Sha256 tokens = new Sha256();
    model.vocab().forEach(tokens::add);
    tokens.add(Json.line(config.get("tokenizer"))).add(String.valueOf(config.get("clean")));
    Object maxTokens = config.get("max_tokens");
    return new TeacherKey(
        weights.hex(),
        tokens.hex(),
        maxTokens instanceof Number number ? number.intValue() : 0,
        model.labels());
  }

  /** First 128 bits of a SHA-256 of the text and everything else that its logits depend on. */
  long[] of(String text) {
    byte[] hash = new Sha256().add(teacher).add(tokenizer).add(maxTokens).add(text).bytes();
    ByteBuffer bytes = ByteBuffer.wrap(hash);
    return new long[] {bytes.getLong(), bytes.getLong()};
  }
}
