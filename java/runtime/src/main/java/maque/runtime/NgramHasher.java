package maque.runtime;

import java.util.Arrays;

/**
 * Makes the buckets of a text's n-grams, from its first unit to its last and from short to long.
 * Allocates nothing once it has seen the longest text. For one thread.
 */
final class NgramHasher {
  private static final long START = 0x9E3779B97F4A7C15L;
  private static final long STEP = 0xD6E8FEB86659FD93L;
  private static final long END = 0xFF51AFD7ED558CCDL;

  private final Ngrams options;
  private final int shift;
  private int[] units = new int[64];
  private int unitCount;
  private int[] buckets = new int[192];
  private int count;

  NgramHasher(Ngrams options) {
    this.options = options;
    shift = Long.SIZE - Integer.numberOfTrailingZeros(options.buckets());
  }

  /** The buckets of the last text, from 0 to {@link #count()}; this object's own array. */
  int[] buckets() {
    return buckets;
  }

  int count() {
    return count;
  }

  /** N-grams of the first ids. */
  void ofTokens(int[] ids, int length) {
    hash(ids, length);
  }

  /**
   * N-grams of the code points of a normalised text, in which no surrogate is alone; white space as
   * {@link Ngrams.Unit#CHARACTERS} says.
   */
  void ofCharacters(CharSequence text) {
    unitCount = 0;
    boolean space = false;
    int next;
    for (int at = 0; at < text.length(); at = next) {
      int codePoint = Character.codePointAt(text, at);
      next = at + Character.charCount(codePoint);
      if (codePoint < Character.MIN_SUPPLEMENTARY_CODE_POINT
          && BuiltInSegmenter.isSpace((char) codePoint)) {
        space = unitCount > 0;
        continue;
      }
      if (space) {
        addUnit(' ');
        space = false;
      }
      addUnit(codePoint);
    }
    hash(units, unitCount);
  }

  private void addUnit(int unit) {
    if (unitCount == units.length) {
      units = Arrays.copyOf(units, 2 * unitCount);
    }
    units[unitCount++] = unit;
  }

  private void hash(int[] from, int length) {
    count = 0;
    int most = Math.multiplyExact(options.max() - options.min() + 1, length);
    if (most > buckets.length) {
      buckets = new int[Math.max(most, 2 * buckets.length)];
    }
    for (int begin = 0; begin < length; begin++) {
      long h = START;
      int end = Math.min(length, begin + options.max());
      for (int i = begin; i < end; i++) {
        h = (h ^ from[i]) * STEP;
        h ^= h >>> 32;
        if (i - begin + 1 >= options.min()) {
          buckets[count++] = (int) (h * END >>> shift);
        }
      }
    }
  }
}
