package maque.runtime;

/** Canonical decomposition of Hangul syllables, by arithmetic (The Unicode Standard, 3.12). */
final class Hangul {
  static final int FIRST = 0xAC00;
  static final int LAST = 0xD7A3;

  private static final int LEADING = 0x1100;
  private static final int VOWEL = 0x1161;
  private static final int BEFORE_TRAILING = 0x11A7;
  private static final int VOWELS = 21;
  private static final int TRAILINGS = 28;

  private Hangul() {}

  static int leading(int syllable) {
    return LEADING + (syllable - FIRST) / (VOWELS * TRAILINGS);
  }

  static int vowel(int syllable) {
    return VOWEL + (syllable - FIRST) % (VOWELS * TRAILINGS) / TRAILINGS;
  }

  /** The trailing consonant, or 0 where there is none. */
  static int trailing(int syllable) {
    int index = (syllable - FIRST) % TRAILINGS;
    return index == 0 ? 0 : BEFORE_TRAILING + index;
  }
}
