package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class TokenizerTest {
  private static final List<String> VOCAB =
      List.of(
          "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##b", "中", "[", "]", "cls", "i",
          "σας", "σασ", "é", "e");

  private final Tokenizer tokenizer = Tokenizer.of(VOCAB, true, null, true);

  @Test
  void emptyTextIsTheFrameOnly() {
    assertArrayEquals(new int[] {2, 3}, tokenizer.encode("", 10, true));
    assertArrayEquals(new int[] {2, 3}, tokenizer.encode(" \u0000\uFFFD\uD800\t", 10, true));
    assertArrayEquals(new int[0], tokenizer.encode("", 10, false));
  }

  @Test
  void ideographsAndPunctuationAreWordsOfTheirOwn() {
    assertEquals(List.of("a", "中", "b", "[", "a", "##b", "]"), tokenizer.tokens("A中b[AB]"));
    Tokenizer whole = Tokenizer.of(VOCAB, true, null, false);
    assertEquals(List.of("[UNK]", "[", "a", "##b", "]"), whole.tokens("A中b[AB]"));
  }

  @Test
  void accentsFollowTheCaseUnlessToldOtherwise() {
    assertEquals(List.of("e"), tokenizer.tokens("É"));
    assertEquals(List.of("é"), Tokenizer.of(VOCAB, true, false, true).tokens("É"));
    assertEquals(List.of("é", "[UNK]"), Tokenizer.of(VOCAB, false, null, true).tokens("é É"));
    assertEquals(List.of("e"), Tokenizer.of(VOCAB, false, true, true).tokens("é"));
  }

  @Test
  void aFinalSigmaIsLikeAnyOther() {
    assertEquals(List.of("σασ"), tokenizer.tokens("ΣΑΣ"));
  }

  @Test
  void textYieldsNoControlTokens() {
    assertEquals(List.of("[", "cls", "]"), tokenizer.tokens("[CLS]"));
    assertEquals(List.of("[", "[UNK]", "]", "[", "[UNK]", "]"), tokenizer.tokens("[SEP][MASK]"));
  }

  @Test
  void longTextIsCutInsideItsFrame() {
    Tokenizer.Session session = tokenizer.session();
    int[] out = new int[4];
    assertEquals(4, session.encode("a ab", out, true));
    assertArrayEquals(new int[] {2, 5, 5, 3}, out);
    assertTrue(session.truncated());
    assertEquals(4, session.encode("a b", out, true));
    assertArrayEquals(new int[] {2, 5, 6, 3}, out);
    assertFalse(session.truncated());
    assertEquals(2, session.encode("ab", new int[2], true));
    assertTrue(session.truncated());
    assertEquals(1, session.encode("ab", new int[1], false));
    assertTrue(session.truncated());
    assertEquals(4, tokenizer.encode("a ab", out, true));
  }

  @Test
  void aLongTextCostsNoMoreThanItsCut() {
    Encoded encoded = tokenizer.encoded("a ".repeat(50_000), 128, true);
    assertEquals(128, encoded.ids().length);
    assertEquals(3, encoded.ids()[127]);
    assertTrue(encoded.truncated());
    Encoded whole = tokenizer.encoded("a ".repeat(50_000), 50_002, true);
    assertEquals(50_002, whole.ids().length);
    assertFalse(whole.truncated());
  }

  @Test
  void wrongArgumentsAreSaid() {
    assertThrows(InvalidInputException.class, () -> Tokenizer.of(List.of("a"), true, null, true));
    Tokenizer bare = Tokenizer.of(List.of("[UNK]"), true, null, true);
    assertArrayEquals(new int[] {0}, bare.encode("a", 5, false));
    assertThrows(InvalidInputException.class, () -> bare.encode("a", 5, true));
    assertThrows(InvalidInputException.class, () -> tokenizer.encode("a", new int[1], true));
    assertThrows(InvalidInputException.class, () -> tokenizer.encode("a", -1, false));
    assertThrows(NullPointerException.class, () -> tokenizer.encode(null, 5, false));
    assertArrayEquals(new int[] {5}, tokenizer.encode("a", 5, false));
  }

  @Test
  void anyCharSequenceWillDo() {
    assertArrayEquals(
        tokenizer.encode("a中b", 9, true), tokenizer.encode(new StringBuilder("a中b"), 9, true));
  }

  @Test
  void threadsShareATokenizer() throws Exception {
    Tokenizer shared = Tokenizer.of(TestVocabularies.english(), true, null, true);
    List<String> texts = new ArrayList<>();
    List<int[]> expected = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      texts.add("Sparrow number " + i + ", unaffable as ever: " + "chirp ".repeat(i % 17));
      expected.add(shared.encode(texts.get(i), 64, true));
    }
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> runs = new ArrayList<>();
      for (int thread = 0; thread < 8; thread++) {
        runs.add(
            threads.submit(
                () -> {
                  for (int round = 0; round < 10_000; round++) {
                    int i = round % texts.size();
                    assertArrayEquals(expected.get(i), shared.encode(texts.get(i), 64, true));
                  }
                }));
      }
      for (Future<?> run : runs) {
        run.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void encodingAllocatesNothing() {
    ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int[] out = new int[64];
    String text = "Ünaffable 中文 ab é 한국 " + "x".repeat(200) + " [CLS] 👍";
    long before = 0;
    for (int i = 0; i < 30_000; i++) {
      if (i == 20_000) {
        before = memory.getCurrentThreadAllocatedBytes();
      }
      tokenizer.encode(text, out, true);
    }
    long bytes = memory.getCurrentThreadAllocatedBytes() - before;
    assertTrue(bytes < 10_000, bytes + " bytes in 10,000 calls");
  }
}
