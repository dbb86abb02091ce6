package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NgramEncoderTest {
  private static final List<String> PIECES =
      List.of("[UNK]", "[CLS]", "[SEP]", "a", "##b", "中", "c");

  private static Map<String, Object> ngrams(String unit, int min, int max, long buckets) {
    return Map.of(
        "unit",
        unit,
        "min",
        (long) min,
        "max",
        (long) max,
        "buckets",
        buckets,
        "width",
        4L,
        "hash",
        "maque-1");
  }

  private static TextEncoder encoder(String type, Object ngrams, long most, Object... tokenizer) {
    Map<String, Object> config = new HashMap<>();
    config.put("model_type", type);
    config.put("ngrams", ngrams);
    config.put("max_tokens", most);
    Map<String, Object> options = new HashMap<>();
    for (int i = 0; i < tokenizer.length; i += 2) {
      options.put((String) tokenizer[i], tokenizer[i + 1]);
    }
    config.put("tokenizer", options);
    return TextEncoders.of(config, type.equals("maque-bag") ? List.of() : PIECES);
  }

  private static TextEncoder bag(int min, int max, long most) {
    return encoder(
        "maque-bag",
        ngrams("characters", min, max, 1 << 16),
        most,
        "type",
        "characters",
        "lowercase",
        true);
  }

  /** The hash as {@link Ngrams#HASH} describes it. */
  private static int[] buckets(int min, int max, int buckets, int... units) {
    List<Integer> all = new ArrayList<>();
    for (int begin = 0; begin < units.length; begin++) {
      for (int n = min; n <= max && begin + n <= units.length; n++) {
        long h = 0x9E3779B97F4A7C15L;
        for (int i = begin; i < begin + n; i++) {
          h = (h ^ units[i]) * 0xD6E8FEB86659FD93L;
          h = h ^ (h >>> 32);
        }
        h *= 0xFF51AFD7ED558CCDL;
        all.add((int) (h >>> 64 - Integer.numberOfTrailingZeros(buckets)));
      }
    }
    return all.stream().mapToInt(Integer::intValue).toArray();
  }

  private static int[] characters(int min, int max, String text) {
    return buckets(min, max, 1 << 16, text.codePoints().toArray());
  }

  @Test
  void theHashIsAsDocumented() {
    assertArrayEquals(characters(1, 3, "ab中😀"), bag(1, 3, 100).encode("aB中😀").ngrams());
    assertArrayEquals(characters(2, 2, "abc"), bag(2, 2, 100).encode("abc").ngrams());
    // These numbers are part of every model that was trained.
    assertArrayEquals(
        new int[] {31_809, 642, 65_400}, Arrays.copyOf(bag(1, 3, 100).encode("中国人").ngrams(), 3));
  }

  @Test
  void whiteSpaceIsOneBlankBetweenOthers() {
    int[] expected = characters(1, 3, "a b");
    for (String text : List.of("a b", " a \t\n b ", "\u3000A\u00A0b\n")) {
      assertArrayEquals(expected, bag(1, 3, 100).encode(text).ngrams(), text);
    }
    for (String text : List.of("", "  ", "\u0000", "\uD83D")) {
      assertEquals(0, bag(1, 3, 100).encode(text).ngrams().length);
    }
  }

  @Test
  void aBagOfCharactersIsCutAfterSomeOfThem() {
    Encoded encoded = bag(1, 2, 3).encode("ab😀d");
    assertArrayEquals(characters(1, 2, "ab😀"), encoded.ngrams());
    assertEquals(0, encoded.ids().length);
    assertTrue(encoded.truncated());
    assertFalse(bag(1, 2, 3).encode("ab😀").truncated());
  }

  @Test
  void ngramsAreOfTheTextThatTheIdsAreOf() {
    Map<String, Object> ngrams = ngrams("characters", 1, 2, 1 << 16);
    TextEncoder pieces =
        encoder("maque-document", ngrams, 3, "type", "wordpiece", "special_tokens", false);
    assertArrayEquals(characters(1, 2, "ab c"), pieces.encode("AB c ").ngrams());
    Encoded cut = pieces.encode("c c Ab c"); // of "ab" only the first piece has room
    assertArrayEquals(new int[] {6, 6, 3}, cut.ids());
    assertArrayEquals(characters(1, 2, "c c"), cut.ngrams());
    TextEncoder words =
        encoder("maque-document", ngrams, 2, "type", "words", "segmenter", "spaces");
    Encoded skipped = words.encode("a x c c");
    assertArrayEquals(new int[] {3, 6}, skipped.ids());
    assertArrayEquals(characters(1, 2, "a x c"), skipped.ngrams());
  }

  @Test
  void tokensAreUnitsToo() {
    TextEncoder encoder =
        encoder("maque-sequence", ngrams("tokens", 1, 2, 1 << 10), 8, "type", "wordpiece");
    Encoded encoded = encoder.encode("ab c");
    assertArrayEquals(new int[] {1, 3, 4, 6, 2}, encoded.ids());
    assertArrayEquals(buckets(1, 2, 1 << 10, encoded.ids()), encoded.ngrams());
    assertArrayEquals(encoded.ngrams(), ((NgramEncoder) encoder).ofIds(encoded.ids()));
    TextEncoder characters =
        encoder("maque-sequence", ngrams("characters", 1, 2, 2), 8, "type", "wordpiece");
    assertThrows(
        InvalidInputException.class, () -> ((NgramEncoder) characters).ofIds(new int[] {1}));
  }

  @Test
  void aSessionGivesTheSameAndAllocatesNothing() {
    TextEncoder encoder =
        encoder("maque-sequence", ngrams("characters", 1, 3, 1 << 16), 32, "type", "wordpiece");
    TextEncoder.Session session = encoder.session();
    int[] ids = new int[32];
    List<String> texts = List.of("ab c 中中", "", "a".repeat(300), "c ".repeat(90));
    for (String text : texts) {
      int count = session.encode(text, ids);
      Encoded expected = encoder.encode(text);
      assertArrayEquals(expected.ids(), Arrays.copyOf(ids, count));
      assertArrayEquals(expected.ngrams(), Arrays.copyOf(session.ngrams(), session.ngramCount()));
      assertEquals(expected.truncated(), session.truncated());
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    for (int i = 0; i < 1000; i++) {
      session.encode(texts.get(i & 3), ids);
    }
    long after = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    assertTrue(after - before < 20_000, () -> "allocated " + (after - before));
  }

  @Test
  void wrongConfigurationsAreNamed() {
    Map<String, Object> good = ngrams("tokens", 1, 3, 8);
    for (Map.Entry<String, Object> wrong :
        Map.<String, Object>of(
                "unit", "words", "min", 0L, "max", 9L, "buckets", 12L, "width", 0L, "hash", "x")
            .entrySet()) {
      Map<String, Object> spoiled = new HashMap<>(good);
      spoiled.put(wrong.getKey(), wrong.getValue());
      ModelFormatException e =
          assertThrows(
              ModelFormatException.class,
              () -> encoder("maque-sequence", spoiled, 8, "type", "wordpiece"));
      assertTrue(e.getMessage().contains("ngrams"), e.getMessage());
    }
    assertThrows(
        ModelFormatException.class, () -> encoder("maque-sequence", "1-3", 8, "type", "wordpiece"));
    assertThrows(
        ModelFormatException.class, () -> encoder("maque-bag", good, 8, "type", "nothing"));
  }
}
