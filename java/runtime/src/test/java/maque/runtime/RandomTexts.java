package maque.runtime;

import java.util.List;
import java.util.Random;

/** Random strings of the kinds that tokenizers get wrong; the same ones for the same seed. */
final class RandomTexts {
  /** Ranges of code points, first and last, and how they mix in a text. */
  private static final int[][] RANGES = {
    {0x20, 0x7E}, // ASCII
    {'a', 'z'},
    {0, 0x20}, // control characters and white space
    {0x7F, 0xA0},
    {0xA0, 0x24F}, // Latin with accents
    {0x300, 0x36F}, // combining marks
    {0x370, 0x52F}, // Greek, Cyrillic
    {0x590, 0x8FF}, // Hebrew, Arabic, Syriac
    {0x900, 0xDFF}, // Indic
    {0xE00, 0xFFF}, // Thai, Lao, Tibetan
    {0x1100, 0x11FF}, // Hangul jamo
    {0x1AB0, 0x1CFF}, // marks, Balinese, Batak
    {0x1DC0, 0x1FFF}, // marks, Greek with accents
    {0x2000, 0x2BFF}, // punctuation, spaces, symbols
    {0x3000, 0x30FF}, // CJK punctuation, kana
    {0x302A, 0x302F}, // marks of several combining classes
    {0x3400, 0x4DBF}, // CJK extension A
    {0x4E00, 0x9FFF}, // CJK
    {0xAC00, 0xD7A3}, // Hangul
    {0xD800, 0xDFFF}, // surrogates, most of them alone
    {0xF900, 0xFAFF}, // CJK compatibility
    {0xFE00, 0xFFFF}, // variation selectors, full width, specials
    {0x1D15E, 0x1D1AD}, // musical symbols: marks that stay, and composites
    {0x1E000, 0x1E94F}, // marks, Adlam
    {0x1F300, 0x1FAFF}, // emoji
    {0x20000, 0x323AF}, // CJK extensions
    {0xE0000, 0xE01EF}, // tags, variation selectors
    {0x0, 0x10FFFF}
  };

  private static final String[] PIECES = {
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "[MASK]",
    "##",
    "##ing",
    "İ",
    "ΑΣ",
    "ß",
    "ﬁ",
    "é",
    "e\u0301",
    "\u0344",
    "\u212B",
    "\u200D",
    "\uFEFF",
    "\uFFFD",
    "👩‍👩‍👧",
    "\uD834\uDD5F",
    "don't",
    "3.14",
    "你好"
  };

  private RandomTexts() {}

  /** A text of up to 60 parts; one in 2,000 is a word of 10,000 characters. */
  static String next(Random random) {
    StringBuilder text = new StringBuilder();
    if (random.nextInt(2000) == 0) {
      int[] range = RANGES[random.nextInt(RANGES.length)];
      int unit = codePoint(random, range);
      for (int i = 0; i < 10_000; i++) {
        text.appendCodePoint(random.nextInt(50) == 0 ? codePoint(random, range) : unit);
      }
      return text.toString();
    }
    int kinds = 1 + random.nextInt(4);
    int[] chosen = random.ints(kinds, 0, RANGES.length).toArray();
    int parts = random.nextInt(60);
    for (int i = 0; i < parts; i++) {
      switch (random.nextInt(20)) {
        case 0 -> text.append(' ');
        case 1 -> text.append(PIECES[random.nextInt(PIECES.length)]);
        default -> text.appendCodePoint(codePoint(random, RANGES[chosen[random.nextInt(kinds)]]));
      }
    }
    return text.toString();
  }

  /** Marks of many combining classes, some removed with the accents and some not, and letters. */
  static String ofMarks(Random random) {
    int[] choices = {
      'a', 0x300, 0x323, 0x34F, 0xE31, 0xE38, 0x344, 0x302E, 0x302F, 0x1B44, 0x1BF2, 0x8D4, 0x1D165,
      0x1D16D, 0x11446, 0x1D160, 0xAC01
    };
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(20); i >= 0; i--) {
      text.appendCodePoint(choices[random.nextInt(choices.length)]);
    }
    return text.toString();
  }

  /** A text of words joined from pieces of a vocabulary, so that WordPiece has work to do. */
  static String ofPieces(Random random, List<String> vocab) {
    StringBuilder text = new StringBuilder();
    int parts = 1 + random.nextInt(30);
    for (int i = 0; i < parts; i++) {
      String piece = vocab.get(random.nextInt(vocab.size()));
      text.append(piece.startsWith("##") ? piece.substring(2) : piece);
      if (random.nextInt(3) == 0) {
        text.append(' ');
      }
    }
    return text.toString();
  }

  private static int codePoint(Random random, int[] range) {
    return range[0] + random.nextInt(range[1] - range[0] + 1);
  }
}
