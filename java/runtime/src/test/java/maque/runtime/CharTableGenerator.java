package maque.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import maque.runtime.HuggingFace.Normalizer;

/**
 * Writes {@code char-tables.txt} by watching what the Hugging Face tokenizer does to every Unicode
 * scalar value, one step of BERT's normalizer at a time. {@link CharTables} says what the file
 * holds.
 */
final class CharTableGenerator {
  private static final int LAST = Character.MAX_CODE_POINT;
  private static final int BLOCK = 256;

  /** Two marks that no step removes, of combining classes 226 and 224: NFD puts 224 first. */
  private static final int CLASS_226 = 0x1D16D;

  private static final int CLASS_224 = 0x302E;

  /** A letter without case, accents or any other property that a step asks for. */
  private static final int SEPARATOR = 0x01BB;

  private final Map<Integer, int[]> stripped = new TreeMap<>();
  private final BitSet nonStarters = new BitSet();

  private CharTableGenerator() {}

  /** Writes the table to the path given. */
  public static void main(String[] args) throws IOException {
    Files.writeString(Path.of(args[0]), generate());
  }

  /** The whole text of the file, as the tokenizer library in use makes it. */
  static String generate() {
    return new CharTableGenerator().write();
  }

  private String write() {
    StringBuilder out = new StringBuilder();
    out.append("# Made by maque.runtime.CharTableGenerator (test sources); do not edit.\n");
    cleaning(out);
    line(out, "ideograph", ideographs()::get);
    line(out, "punctuation", punctuation()::get);
    accents(out);
    lowercase(out);
    return out.toString();
  }

  private static void cleaning(StringBuilder out) {
    Map<Integer, int[]> changed = changes(new Normalizer(true, false, false, false));
    line(out, "removed", c -> changed.containsKey(c) && changed.get(c).length == 0);
    line(out, "space", c -> c == ' ' || (changed.containsKey(c) && is(changed.get(c), ' ')));
    changed.forEach((c, to) -> check(to.length == 0 || is(to, ' '), "cleaning", c));
  }

  private static BitSet ideographs() {
    BitSet found = new BitSet();
    changes(new Normalizer(false, true, false, false))
        .forEach(
            (c, to) -> {
              check(to.length == 3 && to[0] == ' ' && to[1] == c && to[2] == ' ', "spacing", c);
              found.set(c);
            });
    return found;
  }

  /** Asks for each character whether it stands alone between two letters. */
  private static BitSet punctuation() {
    BitSet found = new BitSet();
    try (HuggingFace tokenizer = HuggingFace.codePoints(null, true)) {
      for (int first = 0; first <= LAST; first += BLOCK) {
        StringBuilder text = new StringBuilder();
        for (int c = first; c < first + BLOCK; c++) {
          if (HuggingFace.isScalar(c)) {
            text.append('a').appendCodePoint(c).append("a ");
          }
        }
        HuggingFace.Tokens tokens = tokenizer.tokens(text.toString());
        int at = 0;
        for (int c = first; c < first + BLOCK; c++) {
          if (HuggingFace.isScalar(c)) {
            boolean kept = tokens.ids()[at + 1] == c && c != 'a';
            if (kept && tokens.words()[at] != tokens.words()[at + 1]) {
              check(tokens.words()[at + 1] != tokens.words()[at + 2], "punctuation", c);
              found.set(c);
            }
            at += kept || c == 'a' ? 3 : 2;
          }
        }
      }
    }
    return found;
  }

  private void accents(StringBuilder out) {
    Normalizer strip = new Normalizer(false, false, true, false);
    try (HuggingFace tokenizer = HuggingFace.codePoints(strip, false)) {
      stripped.putAll(changes(tokenizer));
      findNonStarters(tokenizer);
      line(out, "mark", c -> removedByStripping(c) && nonStarters.get(c));
      line(out, "boundary", c -> removedByStripping(c) && !nonStarters.get(c));
      order(out, tokenizer);
    }
    for (int c = Hangul.FIRST; c <= Hangul.LAST; c++) {
      check(Arrays.equals(stripped.remove(c), hangul(c)), "Hangul", c);
    }
    out.append("strip");
    stripped.forEach(
        (c, to) -> {
          if (to.length > 0) {
            mapping(out, c, to);
          }
        });
    out.append('\n');
  }

  private boolean removedByStripping(int c) {
    return stripped.containsKey(c) && stripped.get(c).length == 0;
  }

  /** A character between two marks in the wrong order keeps them so, unless it is a mark itself. */
  private void findNonStarters(HuggingFace tokenizer) {
    for (int first = 0; first <= LAST; first += BLOCK) {
      int separator = separator(first);
      StringBuilder text = new StringBuilder();
      for (int c = first; c < first + BLOCK; c++) {
        if (HuggingFace.isScalar(c)) {
          text.appendCodePoint(CLASS_226).appendCodePoint(c).appendCodePoint(CLASS_224);
          text.appendCodePoint(separator);
        }
      }
      List<int[]> parts = split(tokenizer.ids(text.toString()), separator);
      int part = 0;
      for (int c = first; c < first + BLOCK; c++) {
        if (HuggingFace.isScalar(c)) {
          int[] ids = parts.get(part++);
          boolean kept = indexOf(ids, CLASS_226) < lastIndexOf(ids, CLASS_224);
          nonStarters.set(c, c == CLASS_226 || c == CLASS_224 || !kept);
        }
      }
    }
  }

  /** The combining classes that matter: of marks that stay. Only their order is kept. */
  private void order(StringBuilder out, HuggingFace tokenizer) {
    int[] marks = nonStarters.stream().filter(c -> !stripped.containsKey(c)).toArray();
    int[] below = new int[marks.length];
    for (int i = 0; i < marks.length; i++) {
      for (int other : marks) {
        String pair = Character.toString(marks[i]) + Character.toString(other);
        below[i] += tokenizer.ids(pair)[0] == marks[i] ? 0 : 1;
      }
    }
    List<Integer> ranks = new ArrayList<>(new TreeSet<>(Arrays.stream(below).boxed().toList()));
    out.append("order");
    for (int i = 0; i < marks.length; i++) {
      out.append(' ').append(hex(marks[i])).append(':').append(hex(ranks.indexOf(below[i])));
    }
    out.append('\n');
  }

  private static void lowercase(StringBuilder out) {
    out.append("lower");
    changes(new Normalizer(false, false, false, true)).forEach((c, to) -> mapping(out, c, to));
    out.append('\n');
  }

  private static void mapping(StringBuilder out, int from, int[] to) {
    out.append(' ').append(hex(from));
    for (int i = 0; i < to.length; i++) {
      out.append(i == 0 ? ':' : '+').append(hex(to[i]));
    }
  }

  /** What a normalizer makes of each scalar value that it does not leave as it is. */
  private static Map<Integer, int[]> changes(Normalizer normalizer) {
    try (HuggingFace tokenizer = HuggingFace.codePoints(normalizer, false)) {
      return changes(tokenizer);
    }
  }

  private static Map<Integer, int[]> changes(HuggingFace tokenizer) {
    Map<Integer, int[]> found = new TreeMap<>();
    for (int first = 0; first <= LAST; first += BLOCK) {
      int separator = separator(first);
      StringBuilder text = new StringBuilder();
      for (int c = first; c < first + BLOCK; c++) {
        if (HuggingFace.isScalar(c)) {
          text.appendCodePoint(c).appendCodePoint(separator);
        }
      }
      List<int[]> parts = split(tokenizer.ids(text.toString()), separator);
      int part = 0;
      for (int c = first; c < first + BLOCK; c++) {
        if (HuggingFace.isScalar(c)) {
          int[] to = parts.get(part++);
          if (!is(to, c)) {
            found.put(c, to);
          }
        }
      }
    }
    return found;
  }

  private static int[] hangul(int syllable) {
    int leading = Hangul.leading(syllable);
    int vowel = Hangul.vowel(syllable);
    int trailing = Hangul.trailing(syllable);
    return trailing == 0 ? new int[] {leading, vowel} : new int[] {leading, vowel, trailing};
  }

  private static int separator(int first) {
    return first == (SEPARATOR & -BLOCK) ? '|' : SEPARATOR;
  }

  private static List<int[]> split(long[] ids, int separator) {
    List<int[]> parts = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] == separator) {
        parts.add(Arrays.stream(ids, from, i).mapToInt(id -> (int) id).toArray());
        from = i + 1;
      }
    }
    return parts;
  }

  private static int indexOf(int[] ids, int wanted) {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] == wanted) {
        return i;
      }
    }
    throw new IllegalStateException(hex(wanted) + " was removed");
  }

  private static int lastIndexOf(int[] ids, int wanted) {
    for (int i = ids.length - 1; i >= 0; i--) {
      if (ids[i] == wanted) {
        return i;
      }
    }
    throw new IllegalStateException(hex(wanted) + " was removed");
  }

  private static boolean is(int[] ids, int only) {
    return ids.length == 1 && ids[0] == only;
  }

  private static void check(boolean expected, String step, int c) {
    if (!expected) {
      throw new IllegalStateException("unforeseen " + step + " of U+" + hex(c));
    }
  }

  private static void line(StringBuilder out, String name, IntPredicate member) {
    out.append(name);
    for (int c = 0; c <= LAST; c++) {
      if (member.test(c)) {
        int first = c;
        while (c < LAST && member.test(c + 1)) {
          c++;
        }
        out.append(' ').append(hex(first)).append(c > first ? "-" + hex(c) : "");
      }
    }
    out.append('\n');
  }

  private static String hex(int value) {
    return Integer.toHexString(value);
  }
}
