package maque.runtime;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * JSON (RFC 8259) for a model's small files: a bounded reader and a writer whose bytes depend on
 * the value alone.
 *
 * <p>Values are {@link Map} (in the order of the document), {@link List}, {@link String}, {@link
 * Long}, {@link Double}, {@link Boolean} and {@code null}. A number without fraction and exponent
 * is a {@code Long}, any other the nearest {@code Double}. Refused, beyond what the grammar
 * refuses: invalid UTF-8, a lone surrogate, a key twice in one object, whole numbers beyond 64
 * bits, numbers beyond the doubles, more than {@value #MAX_DEPTH} levels.
 */
public final class Json {
  /** Levels of nesting that the reader accepts. */
  public static final int MAX_DEPTH = 64;

  /** Bytes that {@link #read} accepts: 16 MiB. */
  public static final int MAX_BYTES = 16 << 20;

  private Json() {}

  /**
   * Reads one document from a file of at most {@link #MAX_BYTES}.
   *
   * @throws ModelFormatException where the file cannot be read or is no such document
   */
  public static Object read(Path file) {
    return parse(ModelFiles.bytes(file, MAX_BYTES), file.toString());
  }

  /** As {@link #read}, for a document that must be an object. */
  public static Map<String, Object> readObject(Path file) {
    return parseObject(ModelFiles.bytes(file, MAX_BYTES), file.toString());
  }

  /**
   * Parses one document.
   *
   * @param source what an error calls the document
   * @throws ModelFormatException with line and column, where the bytes are no such document
   */
  public static Object parse(byte[] utf8, String source) {
    return new JsonReader(Utf8.decode(utf8, source), source).document();
  }

  /** As {@link #parse}, for a document that must be an object. */
  public static Map<String, Object> parseObject(byte[] utf8, String source) {
    if (parse(utf8, source) instanceof Map<?, ?> map) {
      return strings(map);
    }
    throw new ModelFormatException(source + ": expected a JSON object");
  }

  @SuppressWarnings("unchecked") // the reader makes maps with string keys only
  static Map<String, Object> strings(Map<?, ?> map) {
    return (Map<String, Object>) map;
  }

  /**
   * The document of a value, indented by two spaces, with a newline at its end, in UTF-8. Maps keep
   * their order; doubles and floats have the fewest digits that read back as the same number.
   *
   * @throws IllegalArgumentException for a number that is not finite, a lone surrogate, or an
   *     object of another type
   */
  public static byte[] write(Object value) {
    StringBuilder out = new StringBuilder();
    write(out, value, "\n");
    return out.append('\n').toString().getBytes(StandardCharsets.UTF_8);
  }

  /** As {@link #write}, on one line and without a newline. */
  public static String line(Object value) {
    StringBuilder out = new StringBuilder();
    write(out, value, null);
    return out.toString();
  }

  /** newline: a line break and the indentation of the level, or null to stay on one line. */
  private static void write(StringBuilder out, Object value, String newline) {
    if (value == null || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof CharSequence text) {
      quote(out, text);
    } else if (value instanceof Number number) {
      out.append(number(number));
    } else if (value instanceof Map<?, ?> map) {
      writeObject(out, map, newline);
    } else if (value instanceof Iterable<?> items) {
      writeArray(out, items, newline);
    } else {
      throw new IllegalArgumentException("no JSON form: " + value.getClass().getName());
    }
  }

  private static void writeObject(StringBuilder out, Map<?, ?> map, String newline) {
    String inner = newline == null ? null : newline + "  ";
    String separator = "{";
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (!(entry.getKey() instanceof String key)) {
        throw new IllegalArgumentException("a key must be a string: " + entry.getKey());
      }
      out.append(separator).append(inner == null ? "" : inner);
      quote(out, key);
      out.append(inner == null ? ":" : ": ");
      write(out, entry.getValue(), inner);
      separator = ",";
    }
    close(out, separator, "{}", newline);
  }

  private static void writeArray(StringBuilder out, Iterable<?> items, String newline) {
    boolean flat = newline == null || scalars(items);
    String inner = flat ? null : newline + "  ";
    String separator = "[";
    for (Object item : items) {
      out.append(separator).append(flat ? "" : inner);
      write(out, item, inner);
      separator = flat && newline != null ? ", " : ",";
    }
    close(out, separator, "[]", flat ? null : newline);
  }

  private static boolean scalars(Iterable<?> items) {
    for (Object item : items) {
      if (item instanceof Map || item instanceof Iterable) {
        return false;
      }
    }
    return true;
  }

  private static void close(StringBuilder out, String separator, String brackets, String newline) {
    if (separator.charAt(0) != ',') {
      out.append(brackets);
    } else {
      out.append(newline == null ? "" : newline).append(brackets.charAt(1));
    }
  }

  private static String number(Number number) {
    if (number instanceof Long
        || number instanceof Integer
        || number instanceof Short
        || number instanceof Byte) {
      return number.toString();
    }
    if (number instanceof Double || number instanceof Float) {
      return shortest(number);
    }
    throw new IllegalArgumentException("no JSON form: " + number.getClass().getName());
  }

  /** Not {@code Double.toString}: its digits differ between Java versions. */
  private static String shortest(Number number) {
    boolean single = number instanceof Float;
    double value = number.doubleValue();
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      throw new IllegalArgumentException("no JSON form: " + value);
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(value);
    BigDecimal rounded = exact;
    for (int digits = 1; digits <= 17; digits++) {
      rounded = exact.round(new MathContext(digits));
      if (single ? rounded.floatValue() == (float) value : rounded.doubleValue() == value) {
        break;
      }
    }
    return decimal(rounded.stripTrailingZeros());
  }

  private static String decimal(BigDecimal value) {
    int exponent = value.precision() - value.scale() - 1;
    if (exponent >= -5 && exponent < 16) {
      String plain = value.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = value.unscaledValue().toString();
    int first = value.signum() < 0 ? 2 : 1;
    String rest = digits.length() > first ? "." + digits.substring(first) : "";
    return digits.substring(0, first) + rest + "e" + exponent;
  }

  private static void quote(StringBuilder out, CharSequence text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean pair =
            Character.isHighSurrogate(c)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!pair) {
          throw new IllegalArgumentException("lone surrogate at character " + i);
        }
        out.append(c).append(text.charAt(++i));
      } else {
        escape(out, c);
      }
    }
    out.append('"');
  }

  private static void escape(StringBuilder out, char c) {
    switch (c) {
      case '"' -> out.append("\\\"");
      case '\\' -> out.append("\\\\");
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      default -> {
        if (c < ' ' || c == 0x7F) {
          out.append(String.format("\\u%04x", (int) c));
        } else {
          out.append(c);
        }
      }
    }
  }
}
