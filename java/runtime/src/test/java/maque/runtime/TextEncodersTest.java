package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextEncodersTest {
  private static final List<String> PIECES = List.of("[UNK]", "[CLS]", "[SEP]", "a", "##b", "中");
  private static final List<String> WORDS = List.of("[UNK]", "cat", "dog", "猫", "狗", "😀", "ok");

  @Test
  void wordPieceIsBertsUnlessTold() {
    TextEncoder encoder = TextEncoders.of(Map.of("model_type", "bert"), PIECES);
    assertArrayEquals(new int[] {1, 3, 4, 5, 2}, encoder.encode("AB中").ids());
    assertEquals(128, encoder.maxTokens());
    assertEquals(6, encoder.vocabSize());
    TextEncoder bare =
        encoder(
            PIECES, "sequence", "type", "wordpiece", "special_tokens", false, "lowercase", false);
    assertArrayEquals(new int[] {3, 5, 0}, bare.encode("a中A").ids());
  }

  @Test
  void maxTokensCutsAndSaysSo() {
    Map<String, Object> config = Map.of("model_type", "bert", "max_tokens", 4L);
    TextEncoder encoder = TextEncoders.of(config, PIECES);
    Encoded encoded = encoder.encode("a a a");
    assertArrayEquals(new int[] {1, 3, 3, 2}, encoded.ids());
    assertTrue(encoded.truncated());
    assertFalse(encoder.encode("a a").truncated());
    config = Map.of("model_type", "bert", "max_position_embeddings", 3L);
    assertEquals(3, TextEncoders.of(config, PIECES).maxTokens());
  }

  @Test
  void theSeedsCleaningRunsWordsTogether() {
    Map<String, Object> config = Map.of("model_type", "bert", "clean", "seed");
    TextEncoder encoder = TextEncoders.of(config, PIECES);
    assertArrayEquals(new int[] {1, 3, 4, 5, 2}, encoder.encode("a! b，\u3400 中").ids());
  }

  @Test
  void aDocumentSkipsUnknownWords() {
    TextEncoder encoder = encoder(WORDS, "document", "type", "words", "segmenter", "spaces");
    assertArrayEquals(new int[] {1, 2}, encoder.encode(" cat\u3000bird Cat\ndog").ids());
    assertArrayEquals(new int[0], encoder.encode("bird").ids());
    assertArrayEquals(new int[0], encoder.encode("").ids());
  }

  @Test
  void aSequenceReadsThemAsUnknown() {
    TextEncoder encoder = encoder(WORDS, "sequence", "type", "words", "segmenter", "spaces");
    assertArrayEquals(new int[] {1, 0, 0, 2}, encoder.encode(" cat\u3000bird Cat\ndog").ids());
    assertThrows(
        ModelFormatException.class,
        () -> encoder(List.of("cat"), "sequence", "type", "words", "segmenter", "spaces"));
  }

  @Test
  void charactersAreCodePoints() {
    TextEncoder encoder = encoder(WORDS, "sequence", "type", "characters");
    assertArrayEquals(new int[] {3, 0, 4, 5}, encoder.encode("猫x 狗😀\uD83D").ids());
  }

  @Test
  void wordsMayBeMadeLowerCaseOrLoseAccents() {
    TextEncoder lower =
        encoder(WORDS, "document", "type", "words", "segmenter", "spaces", "lowercase", true);
    assertArrayEquals(new int[] {1, 2}, lower.encode("CAT Dog DÓG").ids());
    TextEncoder both =
        encoder(
            List.of("dog", "\u1112\u1161\u11ab", "i"),
            "document",
            "type",
            "words",
            "segmenter",
            "spaces",
            "lowercase",
            true,
            "strip_accents",
            true);
    assertArrayEquals(new int[] {0, 1, 2}, both.encode("DÓG 한 \u0130").ids());
  }

  @Test
  void wordsAreCutAfterTheKnownOnes() {
    Map<String, Object> config = new HashMap<>();
    config.put("model_type", "maque-document");
    config.put("max_tokens", 2);
    config.put("tokenizer", Map.of("type", "words", "segmenter", "spaces"));
    TextEncoder encoder = TextEncoders.of(config, WORDS);
    assertFalse(encoder.encode("x cat y dog z").truncated());
    Encoded cut = encoder.encode("cat x dog cat");
    assertArrayEquals(new int[] {1, 2}, cut.ids());
    assertTrue(cut.truncated());
  }

  @ParameterizedTest
  @ValueSource(strings = {"wordpiece", "words", "characters"})
  void aSessionGivesTheSameAndAllocatesNothing(String type) {
    List<String> vocab = List.of("[UNK]", "[CLS]", "[SEP]", "cat", "猫");
    Map<String, Object> config =
        Map.of(
            "model_type",
            "maque-sequence",
            "clean",
            type.equals("words") ? "none" : "seed",
            "max_tokens",
            20,
            "tokenizer",
            Map.of("type", type, "segmenter", "spaces"));
    TextEncoder encoder = TextEncoders.of(config, vocab);
    TextEncoder.Session session = encoder.session();
    String text = "cat 猫 Ünknown 犬 cat";
    int[] out = new int[encoder.maxTokens()];
    int[] expected = encoder.encode(text).ids();
    ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = 0;
    for (int i = 0; i < 30_000; i++) {
      if (i == 20_000) {
        before = memory.getCurrentThreadAllocatedBytes();
      }
      session.encode(text, out);
    }
    long bytes = memory.getCurrentThreadAllocatedBytes() - before;
    assertTrue(bytes < 10_000, bytes + " bytes in 10,000 calls");
    assertEquals(expected.length, session.encode(text, out));
    assertArrayEquals(expected, java.util.Arrays.copyOf(out, expected.length));
    assertEquals(2, session.encode(text, new int[2]));
    assertTrue(session.truncated());
  }

  @Test
  void aMissingSegmenterIsNamedWithItsArtifact() {
    MissingSegmenterException missing =
        assertThrows(
            MissingSegmenterException.class,
            () -> encoder(WORDS, "document", "type", "words", "segmenter", "hanlp"));
    assertTrue(missing.getMessage().contains("maque:maque-segmenter-hanlp"), missing.getMessage());
    MissingSegmenterException other =
        assertThrows(
            MissingSegmenterException.class,
            () ->
                encoder(
                    WORDS,
                    "document",
                    "type",
                    "words",
                    "segmenter",
                    "spaces",
                    "segmenter_version",
                    "0"));
    assertTrue(other.getMessage().contains("version 0"), other.getMessage());
  }

  @Test
  void wrongConfigurationsAreSaid() {
    assertWrong("tokenizer.type", "type", "bpe");
    assertWrong("tokenizer.segmenter", "type", "words");
    assertWrong("tokenizer.lowercase", "type", "words", "segmenter", "spaces", "lowercase", "yes");
    assertWrong("special_tokens", "type", "characters", "special_tokens", true);
    assertWrong("[CLS]", "type", "wordpiece");
    assertThrows(ModelFormatException.class, () -> TextEncoders.of(Map.of("clean", "x"), PIECES));
    assertThrows(
        ModelFormatException.class, () -> TextEncoders.of(Map.of("tokenizer", "x"), PIECES));
    for (Object wrong : List.of(0L, 1.5, "9", 1L)) {
      assertThrows(
          ModelFormatException.class,
          () -> TextEncoders.of(Map.of("model_type", "bert", "max_tokens", wrong), PIECES));
    }
  }

  private static void assertWrong(String part, Object... tokenizer) {
    ModelFormatException wrong =
        assertThrows(ModelFormatException.class, () -> encoder(WORDS, "document", tokenizer));
    assertTrue(wrong.getMessage().contains(part), wrong.getMessage());
  }

  private static TextEncoder encoder(List<String> vocab, String kind, Object... tokenizer) {
    Map<String, Object> options = new HashMap<>();
    for (int i = 0; i < tokenizer.length; i += 2) {
      options.put((String) tokenizer[i], tokenizer[i + 1]);
    }
    return TextEncoders.of(Map.of("model_type", "maque-" + kind, "tokenizer", options), vocab);
  }
}
