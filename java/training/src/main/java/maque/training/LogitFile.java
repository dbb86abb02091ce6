package maque.training;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;

/**
 * Logits of another system in a file, in memory: 4 bytes a class and about 40 bytes a text. Classes
 * have names, never numbers alone. Two forms, UTF-8:
 *
 * <ul>
 *   <li>lines of JSON: {@code {"text": "...", "logits": {"sports": 2.5, "culture": -1}}}; other
 *       fields are passed over;
 *   <li>CSV or TSV: a column for the text, one for each class with its name in the first line, and
 *       perhaps one for a label, which is passed over.
 * </ul>
 *
 * <p>Every row names the same classes. Probabilities will do as their logarithms. The key is a hash
 * of all rows, so that a changed file is another teacher. Immutable.
 */
public final class LogitFile implements LogitSource {
  private static final String LOGITS = "logits";

  private final TeacherKey key;
  private final KeyIndex index;
  private final float[] values;

  private LogitFile(TeacherKey key, KeyIndex index, float[] values) {
    this.key = key;
    this.index = index;
    this.values = values;
  }

  /** Takes a row. */
  interface RowConsumer {
    /**
     * @param logits by the name of the class, in the row's order
     */
    void accept(long line, String text, Map<String, Float> logits);
  }

  /**
   * Reads a file.
   *
   * @param options its form and the columns of text and label
   * @throws InvalidInputException naming file and line: not UTF-8, broken syntax, a missing text or
   *     number, a number that is not finite, other classes than the first row (with both lists), a
   *     text that came before with other logits, no rows
   */
  public static LogitFile read(Path file, DataOptions options) {
    Builder builder = new Builder(file);
    scan(file, options, builder);
    return builder.build();
  }

  /**
   * Adds the file's rows to a store that was opened with {@link #key} of the same file.
   *
   * @return how many were added now
   */
  public static long copy(Path file, DataOptions options, LogitStore store) {
    List<String> labels = store.key().labels();
    long before = store.size();
    scan(
        file,
        options,
        (line, text, logits) -> {
          float[] row = new float[labels.size()];
          for (int c = 0; c < row.length; c++) {
            row[c] = logits.get(labels.get(c));
          }
          store.append(text, row);
        });
    store.flush();
    return store.size() - before;
  }

  private static void scan(Path file, DataOptions options, RowConsumer consumer) {
    switch (options.format().of(file)) {
      case JSONL -> jsonLines(file, options, consumer);
      case CSV, TSV ->
          DataReaders.records(
              file, options, (line, fields) -> row(file, line, fields, options, consumer));
      default ->
          throw new InvalidInputException(
              file + ": a file of logits is jsonl, csv or tsv (see --format)");
    }
  }

  private static void row(
      Path file, long line, Map<String, String> fields, DataOptions options, RowConsumer consumer) {
    Map<String, Float> logits = new LinkedHashMap<>();
    fields.forEach(
        (name, value) -> {
          if (!name.equals(options.textColumn()) && !name.equals(options.labelColumn())) {
            logits.put(name, number(file, line, name, value));
          }
        });
    consumer.accept(line, fields.get(options.textColumn()), logits);
  }

  private static float number(Path file, long line, String name, String value) {
    float number;
    try {
      number = Float.parseFloat(value);
    } catch (NumberFormatException e) {
      throw DataReaders.at(
          file, line, "class '" + name + "': a number was expected, not '" + value + "'");
    }
    if (!Float.isFinite(number)) {
      throw DataReaders.at(file, line, "class '" + name + "': " + value + " is not finite");
    }
    return number;
  }

  private static void jsonLines(Path file, DataOptions options, RowConsumer consumer) {
    JsonFactory factory =
        JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
    DataReaders.lines(
        file,
        (line, number, offset) -> {
          if (line.isBlank()) {
            return;
          }
          try (JsonParser parser = factory.createParser(line)) {
            jsonRow(file, number, parser, options, consumer);
          } catch (JsonProcessingException e) {
            throw DataReaders.at(file, number, e.getOriginalMessage());
          } catch (IOException e) {
            throw DataReaders.unreadable(file, e);
          }
        });
  }

  private static void jsonRow(
      Path file, long line, JsonParser parser, DataOptions options, RowConsumer consumer)
      throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw DataReaders.at(file, line, "a JSON object was expected");
    }
    String text = null;
    Map<String, Float> logits = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals(options.textColumn())) {
        if (value != JsonToken.VALUE_STRING) {
          throw DataReaders.at(file, line, "field '" + field + "' must be a string");
        }
        text = parser.getText();
      } else if (field.equals(LOGITS)) {
        logits = jsonLogits(file, line, parser, value);
      } else {
        parser.skipChildren();
      }
    }
    if (parser.nextToken() != null) {
      throw DataReaders.at(file, line, "something follows the object");
    }
    if (text == null || logits == null) {
      String missing = text == null ? options.textColumn() : LOGITS;
      throw DataReaders.at(file, line, "field '" + missing + "' is missing");
    }
    consumer.accept(line, text, logits);
  }

  private static Map<String, Float> jsonLogits(
      Path file, long line, JsonParser parser, JsonToken token) throws IOException {
    if (token != JsonToken.START_OBJECT) {
      throw DataReaders.at(
          file, line, "field '" + LOGITS + "' must be an object of a number for each class's name");
    }
    Map<String, Float> logits = new LinkedHashMap<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      parser.nextToken();
      logits.put(name, number(file, line, name, parser.getText()));
    }
    return logits;
  }

  @Override
  public TeacherKey key() {
    return key;
  }

  /** Number of texts. */
  public int size() {
    return index.size();
  }

  @Override
  public boolean read(String text, float[] out, int offset) {
    long row = find(index, text);
    if (row < 0) {
      return false;
    }
    int classes = key.labels().size();
    System.arraycopy(values, (int) row * classes, out, offset, classes);
    return true;
  }

  private static long[] hash(String text) {
    ByteBuffer bytes = ByteBuffer.wrap(new Sha256().add(text).bytes());
    return new long[] {bytes.getLong(), bytes.getLong()};
  }

  private static long find(KeyIndex index, String text) {
    long[] hash = hash(text);
    return index.get(hash[0], hash[1]);
  }

  private static final class Builder implements RowConsumer {
    private final Path file;
    private final Sha256 sha = new Sha256().add("logits");
    private final KeyIndex index = new KeyIndex();
    private float[] values = new float[1024];
    private List<String> labels;

    Builder(Path file) {
      this.file = file;
    }

    @Override
    public void accept(long line, String text, Map<String, Float> logits) {
      if (labels == null) {
        begin(line, logits);
      } else if (!logits.keySet().equals(new HashSet<>(labels))) {
        throw DataReaders.at(
            file, line, "classes " + logits.keySet() + ", those of the first row are " + labels);
      }
      long known = find(index, text);
      int at = (int) (known < 0 ? index.size() : known) * labels.size();
      if (known < 0) {
        append(line, text);
      }
      for (int c = 0; c < labels.size(); c++) {
        float value = logits.get(labels.get(c));
        if (known >= 0 && values[at + c] != value) {
          throw DataReaders.at(file, line, "this text came before, with other logits");
        }
        values[at + c] = value;
        sha.add(Float.floatToIntBits(value));
      }
    }

    private void begin(long line, Map<String, Float> logits) {
      if (logits.size() < 2) {
        throw DataReaders.at(
            file, line, "two classes or more were expected, found " + logits.keySet());
      }
      labels = List.copyOf(logits.keySet());
      labels.forEach(sha::add);
    }

    private void append(long line, String text) {
      long needed = (index.size() + 1L) * labels.size();
      if (needed > Integer.MAX_VALUE - 64) {
        throw DataReaders.at(file, line, "more logits than one file may have");
      }
      if (needed > values.length) {
        long larger = Math.min(Integer.MAX_VALUE - 64L, Math.max(needed, values.length * 2L));
        values = Arrays.copyOf(values, (int) larger);
      }
      long[] hash = hash(text);
      index.put(hash[0], hash[1], index.size());
      sha.add(text);
    }

    LogitFile build() {
      if (labels == null) {
        throw new InvalidInputException(file + " has no rows");
      }
      return new LogitFile(new TeacherKey(sha.hex(), "", 0, labels), index, values);
    }
  }
}
