package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import maque.runtime.HuggingFace.Normalizer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Normalised words, character by character, before any vocabulary hides what they are. */
class WordScannerTest {
  private static final int BLOCK = 256;

  @ParameterizedTest
  @CsvSource({"true,true,true", "true,false,false", "false,true,true"})
  void wordsAreThoseOfTheHuggingFaceTokenizer(boolean lower, boolean strip, boolean ideographs) {
    Normalizer normalizer = new Normalizer(true, ideographs, strip, lower);
    WordScanner scanner = new WordScanner(CharMap.of(lower, strip, ideographs));
    try (HuggingFace tokenizer = HuggingFace.codePoints(normalizer, true)) {
      for (int first = 0; first <= Character.MAX_CODE_POINT; first += BLOCK) {
        compare(tokenizer, scanner, everyCharacterIn(first));
      }
      Random random = new Random(42);
      for (int i = 0; i < 25_000; i++) {
        compare(tokenizer, scanner, RandomTexts.next(random));
        compare(tokenizer, scanner, RandomTexts.ofMarks(random));
      }
    }
  }

  private static String everyCharacterIn(int first) {
    StringBuilder text = new StringBuilder();
    for (int c = first; c < first + BLOCK; c++) {
      if (HuggingFace.isScalar(c)) {
        text.append('a').appendCodePoint(c).append("B ");
      }
    }
    return text.toString();
  }

  private static void compare(HuggingFace tokenizer, WordScanner scanner, String text) {
    List<String> expected = words(tokenizer.tokens(text));
    scanner.start(text);
    int count = 0;
    while (scanner.next()) {
      String word = new String(scanner.word(), 0, scanner.length());
      String whole = count < expected.size() ? expected.get(count) : "nothing";
      // Of a word that is too long only the beginning is kept.
      int codePoints = whole.codePointCount(0, whole.length());
      assertEquals(codePoints > WordScanner.MAX_CODE_POINTS, scanner.tooLong(), text);
      if (!scanner.tooLong()) {
        assertEquals(whole, word, text);
      }
      count++;
    }
    assertEquals(expected.size(), count, text);
  }

  private static List<String> words(HuggingFace.Tokens tokens) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    for (int i = 0; i < tokens.ids().length; i++) {
      word.appendCodePoint((int) tokens.ids()[i]);
      if (i + 1 == tokens.ids().length || tokens.words()[i + 1] != tokens.words()[i]) {
        words.add(word.toString());
        word.setLength(0);
      }
    }
    return words;
  }
}
