package maque.training;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import maque.runtime.InvalidInputException;

/**
 * How a data file is read.
 *
 * @param format the file's form; {@link Format#AUTO} goes by its extension
 * @param textColumn name of the field or column of the text
 * @param labelColumn name of the field or column of the class
 * @param labels names of the classes in the order of their indexes; null: from {@code labels.txt}
 *     or {@code classes.txt} beside the file, else from the file itself
 * @param labelled whether every row must have a label
 */
public record DataOptions(
    Format format, String textColumn, String labelColumn, List<String> labels, boolean labelled) {
  /** Forms of data files. All are UTF-8. */
  public enum Format {
    /** By extension: .json, .jsonl or .ndjson, .csv, .tsv, anything else is lines. */
    AUTO,
    /** One array of objects. */
    JSON,
    /** One object a line. */
    JSONL,
    /** RFC 4180, the first record names the columns. */
    CSV,
    /** Columns by tabs, without quoting; the first line names the columns. */
    TSV,
    /** One text a line, no labels; blank lines are skipped. */
    LINES;

    /** This, or the form that {@link #AUTO} stands for with this file. */
    public Format of(Path file) {
      if (this != AUTO) {
        return this;
      }
      String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
      if (name.endsWith(".json")) {
        return JSON;
      } else if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
        return JSONL;
      } else if (name.endsWith(".csv")) {
        return CSV;
      }
      return name.endsWith(".tsv") ? TSV : LINES;
    }

    /** Reads a format's name in lower case. */
    public static Format parse(String name) {
      for (Format format : values()) {
        if (format.name().toLowerCase(Locale.ROOT).equals(name)) {
          return format;
        }
      }
      throw new InvalidInputException(
          "format must be auto, json, jsonl, csv, tsv or lines, not '" + name + "'");
    }
  }

  public DataOptions {
    labels = labels == null ? null : List.copyOf(labels);
  }

  /** By extension; columns {@code text} and {@code label}; every row labelled. */
  public static DataOptions defaults() {
    return new DataOptions(Format.AUTO, "text", "label", null, true);
  }

  public DataOptions withFormat(Format newFormat) {
    return new DataOptions(newFormat, textColumn, labelColumn, labels, labelled);
  }

  public DataOptions withColumns(String text, String label) {
    return new DataOptions(format, text, label, labels, labelled);
  }

  public DataOptions withLabels(List<String> newLabels) {
    return new DataOptions(format, textColumn, labelColumn, newLabels, labelled);
  }

  /** Rows without a label are allowed. */
  public DataOptions unlabelled() {
    return new DataOptions(format, textColumn, labelColumn, labels, false);
  }
}
