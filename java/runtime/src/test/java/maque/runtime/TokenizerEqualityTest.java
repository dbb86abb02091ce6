package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.runtime.HuggingFace.Normalizer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Ids equal to the Hugging Face tokenizer's, English (lower case) and Chinese (as it is). */
class TokenizerEqualityTest {
  private static Pair english;
  private static Pair chinese;

  /** Our tokenizer and theirs over one vocabulary. */
  private record Pair(List<String> vocab, Tokenizer ours, HuggingFace theirs) {
    static Pair of(List<String> vocab, boolean lowercase) {
      return new Pair(
          vocab,
          Tokenizer.of(vocab, lowercase, null, true),
          HuggingFace.wordPiece(vocab, new Normalizer(true, true, null, lowercase)));
    }

    void compare(String text) {
      int[] expected = Arrays.stream(theirs.ids(text)).mapToInt(id -> (int) id).toArray();
      assertArrayEquals(expected, ours.encode(text, Integer.MAX_VALUE, false), text);
    }
  }

  @BeforeAll
  static void open() {
    english = Pair.of(TestVocabularies.english(), true);
    chinese = Pair.of(TestVocabularies.chinese(), false);
  }

  @AfterAll
  static void close() {
    english.theirs.close();
    chinese.theirs.close();
  }

  @Test
  void everyScalarValue() {
    for (int first = 0; first <= Character.MAX_CODE_POINT; first += 256) {
      StringBuilder text = new StringBuilder();
      for (int c = first; c < first + 256; c++) {
        if (HuggingFace.isScalar(c)) {
          text.appendCodePoint(c).append(" un").appendCodePoint(c).append("s ");
        }
      }
      english.compare(text.toString());
      chinese.compare(text.toString());
    }
  }

  @Test
  void randomStrings() {
    Random random = new Random(7);
    for (int i = 0; i < 100_000; i++) {
      String text = RandomTexts.next(random);
      english.compare(text);
      chinese.compare(text);
    }
  }

  @Test
  void wordsOfPieces() {
    Random random = new Random(11);
    for (int i = 0; i < 20_000; i++) {
      english.compare(RandomTexts.ofPieces(random, english.vocab));
      chinese.compare(RandomTexts.ofPieces(random, chinese.vocab));
    }
  }

  @Test
  void wordsAboutAsLongAsTheLimit() {
    for (int length = 90; length <= 110; length++) {
      english.compare("a".repeat(length) + " b");
      english.compare("ａ".repeat(length) + " 𝒳".repeat(2));
      english.compare("𝒳".repeat(length));
      english.compare("각".repeat(length / 3) + "가".repeat(length % 3));
    }
  }

  @Test
  void theDemoCorpus() throws IOException {
    int count = 0;
    for (String gloss : glosses()) {
      english.compare(gloss);
      if (count++ % 4 == 0) {
        chinese.compare(gloss);
      }
    }
    assertTrue(count > 100_000, count + " glosses");
  }

  @Test
  void chineseTexts() throws IOException {
    Path file =
        Path.of(System.getProperty("maque.root"), "java/training/src/test/resources/zh-texts.json");
    JsonNode texts = new ObjectMapper().readTree(file.toFile());
    assertTrue(texts.size() >= 300, texts.size() + " texts");
    for (JsonNode text : texts) {
      english.compare(text.get("text").asText());
      chinese.compare(text.get("text").asText());
    }
  }

  /** The published tokenizer files mean what we take them for, special tokens included. */
  @Test
  void thePublishedTokenizers() throws IOException {
    publishedTokenizer("/all-minilm-l6-v2-tokenizer.json", english);
    publishedTokenizer("/bge-small-zh-v1.5-tokenizer.json", chinese);
  }

  private static void publishedTokenizer(String resource, Pair pair) throws IOException {
    Map<String, String> options = Map.of("truncation", "false", "padding", "false");
    try (InputStream in = TokenizerEqualityTest.class.getResourceAsStream(resource);
        HuggingFaceTokenizer theirs = HuggingFaceTokenizer.newInstance(in, options)) {
      List<String> glosses = glosses();
      for (int i = 0; i < glosses.size(); i += 50) {
        String text = glosses.get(i) + "，每天学习。";
        long[] ids = theirs.encode(text, true, false).getIds();
        int[] expected = Arrays.stream(ids).mapToInt(id -> (int) id).toArray();
        assertArrayEquals(expected, pair.ours.encode(text, 10_000, true), text);
      }
    }
  }

  /** Definitions and examples of all synsets of WordNet: what stands behind the bar. */
  private static List<String> glosses() throws IOException {
    List<String> glosses = new ArrayList<>();
    for (String part : List.of("noun", "verb", "adj", "adv")) {
      String resource = "/net/sf/extjwnl/data/wordnet/wn31/data." + part;
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(
                  TokenizerEqualityTest.class.getResourceAsStream(resource),
                  StandardCharsets.UTF_8))) {
        lines
            .lines()
            .filter(line -> line.contains(" | "))
            .forEach(line -> glosses.add(line.substring(line.indexOf(" | ") + 3).strip()));
      }
    }
    return glosses;
  }
}
