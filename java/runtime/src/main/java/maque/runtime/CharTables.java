package maque.runtime;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * What each step of BERT's normalizer does to each character, read from {@code char-tables.txt}.
 *
 * <p>The file was made by watching the Hugging Face tokenizer (a test makes it again and compares),
 * because its Unicode versions, several at once, are not the one of the JDK that runs. A line is a
 * name and hexadecimal code points or ranges of them; {@code strip}, {@code lower} and {@code
 * order} give a value for each.
 */
final class CharTables {
  private static final String RESOURCE = "char-tables.txt";

  /** Removed by cleaning: control and format characters, private use, U+0000, U+FFFD. */
  final BitSet removed = new BitSet();

  /** Read as a space by cleaning. */
  final BitSet space = new BitSet();

  /** A word of its own where ideographs are set apart. */
  final BitSet ideograph = new BitSet();

  /** A word of its own always. */
  final BitSet punctuation = new BitSet();

  /** Removed with the accents; combining class above 0. */
  final BitSet mark = new BitSet();

  /** Removed with the accents; combining class 0, so that marks are not reordered across it. */
  final BitSet boundary = new BitSet();

  /** Marks that stay: the order of their combining classes, from 0. */
  final Map<Integer, Integer> order = new HashMap<>();

  /** Canonical decomposition less the accents; Hangul syllables are left to {@link Hangul}. */
  final Map<Integer, int[]> strip = new HashMap<>();

  /** Lower case, without regard to context (so a final sigma is as any other). */
  final Map<Integer, int[]> lower = new HashMap<>();

  private CharTables() {}

  static CharTables read() {
    CharTables tables = new CharTables();
    try (InputStream in = CharTables.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new MaqueException("the jar of maque-runtime lacks " + RESOURCE);
      }
      BufferedReader lines =
          new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith("#")) {
          tables.add(line.split(" "));
        }
      }
    } catch (IOException e) {
      throw new MaqueException("cannot read " + RESOURCE + " of maque-runtime", e);
    }
    return tables;
  }

  private void add(String[] fields) {
    switch (fields[0]) {
      case "removed" -> ranges(fields, removed);
      case "space" -> ranges(fields, space);
      case "ideograph" -> ranges(fields, ideograph);
      case "punctuation" -> ranges(fields, punctuation);
      case "mark" -> ranges(fields, mark);
      case "boundary" -> ranges(fields, boundary);
      case "strip" -> mappings(fields, strip);
      case "lower" -> mappings(fields, lower);
      case "order" -> {
        Map<Integer, int[]> ranks = new HashMap<>();
        mappings(fields, ranks);
        ranks.forEach((codePoint, rank) -> order.put(codePoint, rank[0]));
      }
      default -> throw new MaqueException(RESOURCE + ": unknown table " + fields[0]);
    }
  }

  private static void ranges(String[] fields, BitSet to) {
    for (int i = 1; i < fields.length; i++) {
      int dash = fields[i].indexOf('-');
      int first = hex(dash < 0 ? fields[i] : fields[i].substring(0, dash));
      int last = dash < 0 ? first : hex(fields[i].substring(dash + 1));
      to.set(first, last + 1);
    }
  }

  private static void mappings(String[] fields, Map<Integer, int[]> to) {
    for (int i = 1; i < fields.length; i++) {
      int colon = fields[i].indexOf(':');
      String[] values = fields[i].substring(colon + 1).split("\\+");
      int[] codePoints = new int[values.length];
      for (int k = 0; k < values.length; k++) {
        codePoints[k] = hex(values[k]);
      }
      to.put(hex(fields[i].substring(0, colon)), codePoints);
    }
  }

  private static int hex(String digits) {
    return Integer.parseInt(digits, 16);
  }
}
