package maque.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;

/** The vocabularies of two real BERTs, out of the jars that carry their weights. */
final class TestVocabularies {
  private TestVocabularies() {}

  /** all-MiniLM-L6-v2: 30,522 English pieces, lower case. */
  static List<String> english() {
    return read("/all-minilm-l6-v2-tokenizer.json");
  }

  /** bge-small-zh-v1.5: 21,128 pieces, most of them Chinese characters. */
  static List<String> chinese() {
    return read("/bge-small-zh-v1.5-tokenizer.json");
  }

  private static List<String> read(String resource) {
    try (InputStream in = TestVocabularies.class.getResourceAsStream(resource)) {
      JsonNode vocab = new ObjectMapper().readTree(in).get("model").get("vocab");
      String[] tokens = new String[vocab.size()];
      vocab.properties().forEach(entry -> tokens[entry.getValue().asInt()] = entry.getKey());
      return Arrays.asList(tokens);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
