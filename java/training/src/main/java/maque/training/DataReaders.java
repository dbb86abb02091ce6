package maque.training;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.csv.CsvFactory;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import maque.runtime.InvalidInputException;

/** Readers of the data formats: each hands over rows with the line they begin on. */
final class DataReaders {
  private static final int MAX_LINE_BYTES = 1 << 28;

  /**
   * @param label a String, a Long, or null
   */
  record Row(long line, String text, Object label) {}

  /** Takes rows. */
  interface RowConsumer {
    void accept(Row row);
  }

  /** Takes records of a table. */
  interface RecordConsumer {
    /**
     * @param fields by the name of the column, in the columns' order
     */
    void accept(long line, Map<String, String> fields);
  }

  /** Takes lines. */
  interface LineConsumer {
    /**
     * @param number from 1
     * @param offset of its first byte
     */
    void accept(String line, long number, long offset);
  }

  private final Path file;
  private final DataOptions options;
  private final RowConsumer consumer;

  private DataReaders(Path file, DataOptions options, RowConsumer consumer) {
    this.file = file;
    this.options = options;
    this.consumer = consumer;
  }

  static void read(Path file, DataOptions options, RowConsumer consumer) {
    DataReaders reader = new DataReaders(file, options, consumer);
    try (InputStream in = open(file)) {
      switch (options.format().of(file)) {
        case JSON -> reader.json(in);
        case JSONL -> reader.jsonLines();
        case CSV, TSV -> reader.table(in, schema(options.format().of(file)), reader::tableRow);
        default -> reader.plainLines();
      }
    } catch (JsonProcessingException e) {
      throw syntax(file, e);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** The records of a CSV or TSV file whose first line names the columns, the text's among them. */
  static void records(Path file, DataOptions options, RecordConsumer consumer) {
    DataReaders reader = new DataReaders(file, options.unlabelled(), row -> {});
    try (InputStream in = open(file)) {
      reader.table(in, schema(options.format().of(file)), consumer);
    } catch (JsonProcessingException e) {
      throw syntax(file, e);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static CsvSchema schema(DataOptions.Format format) {
    CsvSchema schema = CsvSchema.emptySchema();
    return format == DataOptions.Format.TSV
        ? schema.withColumnSeparator('\t').withoutQuoteChar()
        : schema;
  }

  static Utf8Input open(Path file) {
    if (Files.isDirectory(file)) {
      throw new InvalidInputException(file + " is a directory, a file was expected");
    }
    try {
      return new Utf8Input(file, Files.newInputStream(file));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  static InvalidInputException unreadable(Path file, IOException e) {
    if (e instanceof NoSuchFileException) {
      return new InvalidInputException(file + " does not exist", e);
    }
    return new InvalidInputException(file + " cannot be read: " + e.getMessage(), e);
  }

  static InvalidInputException at(Path file, long line, String what) {
    return new InvalidInputException(file + ":" + line + ": " + what);
  }

  private static InvalidInputException syntax(Path file, JsonProcessingException e) {
    JsonLocation location = e.getLocation();
    long line = location == null ? 1 : Math.max(1, location.getLineNr());
    return new InvalidInputException(file + ":" + line + ": " + e.getOriginalMessage(), e);
  }

  /** Every line, without its end ("\n" or "\r\n"); a last line needs no end. */
  static void lines(Path file, LineConsumer consumer) {
    try (Utf8Input in = open(file)) {
      ByteArrayOutputStream line = new ByteArrayOutputStream(256);
      long number = 1;
      long offset = -1;
      for (int b = in.read(); b >= 0; b = in.read()) {
        offset = offset < 0 ? in.position() - 1 : offset;
        if (b != '\n') {
          line.write(b);
          if (line.size() > MAX_LINE_BYTES) {
            throw at(file, number, "a line of more than " + MAX_LINE_BYTES + " bytes");
          }
          continue;
        }
        consumer.accept(text(line), number++, offset);
        line.reset();
        offset = -1;
      }
      if (line.size() > 0) {
        consumer.accept(text(line), number, offset);
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static String text(ByteArrayOutputStream line) {
    byte[] bytes = line.toByteArray();
    int length = bytes.length;
    if (length > 0 && bytes[length - 1] == '\r') {
      length--;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  private void plainLines() {
    lines(
        file,
        (line, number, offset) -> {
          if (!line.isBlank()) {
            consumer.accept(new Row(number, line, null));
          }
        });
  }

  private void json(InputStream in) throws IOException {
    try (JsonParser parser = new JsonFactory().createParser(in)) {
      JsonToken token = parser.nextToken();
      if (token == null) {
        return;
      }
      if (token != JsonToken.START_ARRAY) {
        throw at(file, line(parser), "a JSON array of objects was expected");
      }
      while ((token = parser.nextToken()) == JsonToken.START_OBJECT) {
        object(parser, line(parser));
      }
      if (token != JsonToken.END_ARRAY) {
        throw at(file, line(parser), "an object was expected in the array, found " + token);
      }
      if (parser.nextToken() != null) {
        throw at(file, line(parser), "something follows the end of the array");
      }
    }
  }

  private void jsonLines() {
    JsonFactory factory = new JsonFactory();
    lines(
        file,
        (line, number, offset) -> {
          if (line.isBlank()) {
            return;
          }
          try (JsonParser parser = factory.createParser(line)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
              throw at(file, number, "a JSON object was expected");
            }
            object(parser, number);
            if (parser.nextToken() != null) {
              throw at(file, number, "something follows the object");
            }
          } catch (JsonProcessingException e) {
            throw at(file, number, e.getOriginalMessage());
          } catch (IOException e) {
            throw unreadable(file, e);
          }
        });
  }

  private static long line(JsonParser parser) {
    return parser.currentTokenLocation().getLineNr();
  }

  private void object(JsonParser parser, long line) throws IOException {
    String text = null;
    Object label = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals(options.textColumn())) {
        if (value != JsonToken.VALUE_STRING) {
          throw at(file, line, "field '" + field + "' must be a string");
        }
        text = parser.getText();
      } else if (field.equals(options.labelColumn())) {
        label = label(parser, value, line);
      } else {
        parser.skipChildren();
      }
    }
    if (text == null) {
      throw at(file, line, "field '" + options.textColumn() + "' is missing");
    }
    accept(line, text, label);
  }

  private Object label(JsonParser parser, JsonToken value, long line) throws IOException {
    return switch (value) {
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> (Object) parser.getLongValue();
      case VALUE_NULL -> null;
      default ->
          throw at(
              file, line, "field '" + options.labelColumn() + "' must be a string or an integer");
    };
  }

  private void accept(long line, String text, Object label) {
    if (label == null && options.labelled()) {
      throw at(file, line, "field '" + options.labelColumn() + "' is missing");
    }
    consumer.accept(new Row(line, text, label));
  }

  private void table(InputStream in, CsvSchema schema, RecordConsumer each) throws IOException {
    CsvFactory factory =
        CsvFactory.builder()
            .enable(CsvParser.Feature.WRAP_AS_ARRAY)
            .enable(CsvParser.Feature.SKIP_EMPTY_LINES)
            .build();
    try (CsvParser parser = factory.createParser(in)) {
      parser.setSchema(schema);
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        return;
      }
      List<String> columns = null;
      while (parser.nextToken() == JsonToken.START_ARRAY) {
        List<String> record = new ArrayList<>();
        long line = record(parser, record);
        if (columns == null) {
          columns = header(record);
        } else {
          each.accept(line, fields(columns, record, line));
        }
      }
    }
  }

  /**
   * Reads the values of a record and returns its line: that of the first value, not of the token
   * before it.
   */
  private static long record(JsonParser parser, List<String> record) throws IOException {
    long line = line(parser);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      line = record.isEmpty() ? line(parser) : line;
      record.add(parser.getText());
    }
    return line;
  }

  private List<String> header(List<String> names) {
    Set<String> distinct = new HashSet<>();
    for (String name : names) {
      if (!distinct.add(name)) {
        throw at(file, 1, "column '" + name + "' is named twice");
      }
    }
    if (!distinct.contains(options.textColumn())
        || (options.labelled() && !distinct.contains(options.labelColumn()))) {
      String missing =
          distinct.contains(options.textColumn()) ? options.labelColumn() : options.textColumn();
      throw at(file, 1, "no column '" + missing + "'; the columns are " + names);
    }
    return names;
  }

  private Map<String, String> fields(List<String> columns, List<String> record, long line) {
    if (record.size() != columns.size()) {
      throw at(file, line, record.size() + " columns, but the first line names " + columns.size());
    }
    Map<String, String> fields = new LinkedHashMap<>();
    for (int i = 0; i < record.size(); i++) {
      fields.put(columns.get(i), record.get(i));
    }
    return fields;
  }

  private void tableRow(long line, Map<String, String> fields) {
    String label = fields.get(options.labelColumn());
    accept(line, fields.get(options.textColumn()), label == null || label.isEmpty() ? null : label);
  }
}
