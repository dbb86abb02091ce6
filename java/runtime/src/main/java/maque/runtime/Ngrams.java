package maque.runtime;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A model's hashed n-grams: {@code ngrams} in config.json. The buckets of a text's n-grams index
 * the rows of the tensor {@code ngrams.weight}; the mean of those rows is what the model reads.
 *
 * @param unit what an n-gram is made of
 * @param min fewest units of an n-gram, 1 to {@code max}
 * @param max most units of an n-gram, up to 8
 * @param buckets rows of the table: a power of two from 2 to 2^24
 * @param width size of a row, 1 to 4,096
 */
public record Ngrams(Unit unit, int min, int max, int buckets, int width) {
  /**
   * The name of the hash, which is part of a model. From h = 0x9E3779B97F4A7C15, each unit u (a
   * code point or an id) makes h = (h xor u) * 0xD6E8FEB86659FD93, then h = h xor (h >>> 32); the
   * bucket is the uppermost log2(buckets) bits of h * 0xFF51AFD7ED558CCD.
   */
  public static final String HASH = "maque-1";

  private static final int MOST_UNITS = 8;
  private static final int MOST_BUCKETS = 1 << 24;
  private static final int MOST_WIDTH = 4096;

  /** What an n-gram is made of. */
  public enum Unit {
    /**
     * Code points of the text after the model's cleaning and lower-casing; a run of white space
     * between others is one blank, and at either end nothing.
     */
    CHARACTERS,
    /** The ids of its tokens. */
    TOKENS;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Checks.
   *
   * @throws InvalidInputException for values out of range
   */
  public Ngrams {
    String wrong = wrong(min, max, buckets, width);
    if (wrong != null) {
      throw new InvalidInputException("n-grams: " + wrong);
    }
  }

  private static String wrong(long min, long max, long buckets, long width) {
    if (min < 1 || max < min || max > MOST_UNITS) {
      return "expected 1 <= min <= max <= " + MOST_UNITS + ", found " + min + " and " + max;
    }
    if (buckets < 2 || buckets > MOST_BUCKETS || Long.bitCount(buckets) != 1) {
      return "buckets: expected a power of two from 2 to " + MOST_BUCKETS + ", found " + buckets;
    }
    if (width < 1 || width > MOST_WIDTH) {
      return "width: expected 1 to " + MOST_WIDTH + ", found " + width;
    }
    return null;
  }

  /**
   * Reads config.json's {@code ngrams}.
   *
   * @return null where the configuration has none
   * @throws ModelFormatException where it is not so
   */
  static Ngrams of(Map<String, ?> config, String source) {
    Object value = config.get("ngrams");
    if (value == null) {
      return null;
    }
    if (!(value instanceof Map<?, ?> map)) {
      throw new ModelFormatException(source + ": ngrams: expected an object, found " + value);
    }
    if (!HASH.equals(map.get("hash"))) {
      throw new ModelFormatException(
          source + ": ngrams.hash: expected " + HASH + ", found " + map.get("hash"));
    }
    long min = number(map, "min", source);
    long max = number(map, "max", source);
    long buckets = number(map, "buckets", source);
    long width = number(map, "width", source);
    String wrong = wrong(min, max, buckets, width);
    if (wrong != null) {
      throw new ModelFormatException(source + ": ngrams: " + wrong);
    }
    return new Ngrams(unit(map, source), (int) min, (int) max, (int) buckets, (int) width);
  }

  private static Unit unit(Map<?, ?> map, String source) {
    for (Unit unit : Unit.values()) {
      if (unit.toString().equals(map.get("unit"))) {
        return unit;
      }
    }
    throw new ModelFormatException(
        source + ": ngrams.unit: expected characters or tokens, found " + map.get("unit"));
  }

  private static long number(Map<?, ?> map, String key, String source) {
    if (map.get(key) instanceof Number number && number.doubleValue() == number.longValue()) {
      return number.longValue();
    }
    throw new ModelFormatException(
        source + ": ngrams." + key + ": expected a whole number, found " + map.get(key));
  }

  /** As config.json has it. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("unit", unit.toString());
    map.put("min", (long) min);
    map.put("max", (long) max);
    map.put("buckets", (long) buckets);
    map.put("width", (long) width);
    map.put("hash", HASH);
    return map;
  }
}
