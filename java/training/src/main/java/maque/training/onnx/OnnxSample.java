package maque.training.onnx;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import maque.runtime.AtomicFiles;
import maque.runtime.Encoded;
import maque.runtime.Json;
import maque.runtime.TextClassifier;
import maque.training.Texts;

/**
 * Texts with what an exported model reads and should answer, a JSON object a line: {@code text},
 * the row of each input ({@link OnnxExport} names them), and {@code logits}. With it another
 * program's tokenizer and runtime can be checked.
 */
public final class OnnxSample {
  private OnnxSample() {}

  /**
   * Writes all of the texts.
   *
   * @param teacher whether the model reads token types
   * @throws maque.runtime.StorageException where the file cannot be written
   */
  public static void write(TextClassifier model, boolean teacher, Texts texts, Path file) {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < texts.size(); i++) {
      lines.append(Json.line(line(model, teacher, texts.get(i)))).append('\n');
    }
    AtomicFiles.write(file, lines.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static Map<String, Object> line(TextClassifier model, boolean teacher, String text) {
    Encoded encoded = model.encoder().encode(text);
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("text", text);
    if (model.encoder().readsTokens()) {
      put(line, "input_ids", "attention_mask", encoded.ids());
    }
    if (teacher) {
      line.put("token_type_ids", boxed(new int[encoded.ids().length]));
    }
    if (model.encoder().hasNgrams()) {
      put(line, "ngram_ids", "ngram_mask", encoded.ngrams());
    }
    line.put("logits", floats(model.logits(text)));
    return line;
  }

  /** A row is never empty: one id with mask 0 stands for none. */
  private static void put(Map<String, Object> line, String name, String mask, int[] ids) {
    int[] ones = new int[Math.max(ids.length, 1)];
    Arrays.fill(ones, 0, ids.length, 1);
    line.put(name, boxed(Arrays.copyOf(ids, ones.length)));
    line.put(mask, boxed(ones));
  }

  private static Object boxed(int[] values) {
    return Arrays.stream(values).mapToObj(Long::valueOf).toList();
  }

  private static Object floats(float[] values) {
    Double[] exact = new Double[values.length];
    for (int i = 0; i < values.length; i++) {
      exact[i] = (double) values[i];
    }
    return Arrays.asList(exact);
  }
}
