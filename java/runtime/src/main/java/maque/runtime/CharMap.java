package maque.runtime;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * All steps of BERT's normalizer and of its splitting into words, composed into one entry for each
 * code point. An entry holds a kind (bits 28 to 31), a small number (21 to 27) and a code point or
 * an offset (0 to 20). Immutable.
 */
final class CharMap {
  /** A letter that stays as it is. The entry is 0. */
  static final int SELF = 0;

  /** A letter that becomes another. */
  static final int LETTER = 1;

  /** Nothing. */
  static final int DROPPED = 2;

  /** Nothing, but marks are not reordered across it. */
  static final int BOUNDARY = 3;

  /** The end of a word. */
  static final int SPACE = 4;

  /** A word of its own. */
  static final int ALONE = 5;

  /** A combining mark; the small number is the rank of its combining class. */
  static final int MARK = 6;

  /** A Hangul syllable to be decomposed. */
  static final int HANGUL = 7;

  /** Several entries; the offset of the first, and their number. */
  static final int SEQUENCE = 8;

  private static final int KIND_SHIFT = 28;
  private static final int NUMBER_SHIFT = 21;
  private static final int NUMBER_MASK = (1 << (KIND_SHIFT - NUMBER_SHIFT)) - 1;
  private static final int VALUE_MASK = (1 << NUMBER_SHIFT) - 1;

  private static final int BLOCK_SHIFT = 7;
  private static final int BLOCK = 1 << BLOCK_SHIFT;
  private static final int CODE_POINTS = Character.MAX_CODE_POINT + 1;

  private static final AtomicReferenceArray<CharMap> CACHE = new AtomicReferenceArray<>(8);

  private final char[] blockOf;
  private final int[] entries;
  private final int[] elements;

  private CharMap(char[] blockOf, int[] entries, int[] elements) {
    this.blockOf = blockOf;
    this.entries = entries;
    this.elements = elements;
  }

  /** The map for a tokenizer's options; one of each is kept. */
  static CharMap of(boolean lowercase, boolean stripAccents, boolean ideographs) {
    int key = (lowercase ? 1 : 0) + (stripAccents ? 2 : 0) + (ideographs ? 4 : 0);
    CharMap map = CACHE.get(key);
    if (map == null) {
      map = new Builder(CharTables.read(), lowercase, stripAccents, ideographs).build();
      CACHE.set(key, map);
    }
    return map;
  }

  /** The entry of a code point, surrogates included. */
  int entry(int codePoint) {
    return entries[(blockOf[codePoint >>> BLOCK_SHIFT] << BLOCK_SHIFT) + (codePoint & (BLOCK - 1))];
  }

  /** An entry of a sequence; its kind is LETTER, ALONE or MARK. */
  int element(int offset) {
    return elements[offset];
  }

  static int kind(int entry) {
    return entry >>> KIND_SHIFT;
  }

  static int number(int entry) {
    return entry >>> NUMBER_SHIFT & NUMBER_MASK;
  }

  static int value(int entry) {
    return entry & VALUE_MASK;
  }

  private static int pack(int kind, int number, int value) {
    return kind << KIND_SHIFT | number << NUMBER_SHIFT | value;
  }

  private static final class Builder {
    private final CharTables tables;
    private final boolean lowercase;
    private final boolean stripAccents;
    private final boolean ideographs;
    private int[] elements = new int[256];
    private int elementCount;

    Builder(CharTables tables, boolean lowercase, boolean stripAccents, boolean ideographs) {
      this.tables = tables;
      this.lowercase = lowercase;
      this.stripAccents = stripAccents;
      this.ideographs = ideographs;
    }

    CharMap build() {
      int[] all = new int[CODE_POINTS];
      BitSet changed = changed();
      for (int c = changed.nextSetBit(0); c >= 0; c = changed.nextSetBit(c + 1)) {
        all[c] = compose(c);
      }
      Arrays.fill(all, Character.MIN_SURROGATE, Character.MAX_SURROGATE + 1, compose(0xFFFD));
      return shareBlocks(all);
    }

    private BitSet changed() {
      BitSet changed = new BitSet(CODE_POINTS);
      changed.or(tables.removed);
      changed.or(tables.space);
      changed.or(tables.ideograph);
      changed.or(tables.punctuation);
      changed.or(tables.mark);
      changed.or(tables.boundary);
      changed.set(Hangul.FIRST, Hangul.LAST + 1);
      tables.order.keySet().forEach(changed::set);
      tables.strip.keySet().forEach(changed::set);
      tables.lower.keySet().forEach(changed::set);
      return changed;
    }

    private int compose(int codePoint) {
      if (tables.removed.get(codePoint)) {
        return pack(DROPPED, 0, 0);
      }
      if (tables.space.get(codePoint)) {
        return pack(SPACE, 0, 0);
      }
      if (stripAccents) {
        if (tables.mark.get(codePoint)) {
          return pack(DROPPED, 0, 0);
        }
        if (tables.boundary.get(codePoint)) {
          return pack(BOUNDARY, 0, 0);
        }
        if (codePoint >= Hangul.FIRST && codePoint <= Hangul.LAST) {
          return pack(HANGUL, 0, codePoint);
        }
      }
      return entryOf(codePoint, normalize(codePoint));
    }

    private int[] normalize(int codePoint) {
      int[] self = {codePoint};
      int[] base = stripAccents ? tables.strip.getOrDefault(codePoint, self) : self;
      if (!lowercase) {
        return base;
      }
      return Arrays.stream(base)
          .flatMap(c -> Arrays.stream(tables.lower.getOrDefault(c, new int[] {c})))
          .toArray();
    }

    private int entryOf(int codePoint, int[] to) {
      if (ideographs && tables.ideograph.get(codePoint)) {
        return pack(ALONE, 0, to[0]);
      }
      if (to.length > 1) {
        int first = elementCount;
        for (int c : to) {
          if (elementCount == elements.length) {
            elements = Arrays.copyOf(elements, 2 * elementCount);
          }
          elements[elementCount++] = single(c);
        }
        return pack(SEQUENCE, to.length, first);
      }
      int entry = single(to[0]);
      return entry == pack(LETTER, 0, codePoint) ? SELF : entry;
    }

    private int single(int codePoint) {
      if (tables.punctuation.get(codePoint)) {
        return pack(ALONE, 0, codePoint);
      }
      Integer rank = stripAccents ? tables.order.get(codePoint) : null;
      return rank == null ? pack(LETTER, 0, codePoint) : pack(MARK, rank, codePoint);
    }

    private CharMap shareBlocks(int[] all) {
      Map<IntBuffer, Integer> known = new HashMap<>();
      char[] blockOf = new char[CODE_POINTS >>> BLOCK_SHIFT];
      int[] entries = new int[CODE_POINTS];
      for (int block = 0; block < blockOf.length; block++) {
        IntBuffer content = IntBuffer.wrap(all, block << BLOCK_SHIFT, BLOCK).slice();
        int number = known.size();
        Integer equal = known.putIfAbsent(content, number);
        if (equal == null) {
          content.get(0, entries, number << BLOCK_SHIFT, BLOCK);
        }
        blockOf[block] = (char) (equal == null ? number : equal);
      }
      int size = known.size() << BLOCK_SHIFT;
      return new CharMap(
          blockOf, Arrays.copyOf(entries, size), Arrays.copyOf(elements, elementCount));
    }
  }
}
