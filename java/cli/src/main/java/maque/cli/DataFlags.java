package maque.cli;

import java.nio.file.Path;
import java.util.List;
import maque.training.DataOptions;
import maque.training.DataSet;
import maque.training.Texts;
import picocli.CommandLine.Option;

/** How data files are read. */
final class DataFlags {
  @Option(
      names = "--format",
      paramLabel = "NAME",
      defaultValue = "auto",
      description =
          "json (an array of objects), jsonl, csv, tsv, lines (a text a line), or auto: by the"
              + " file's extension (default: ${DEFAULT-VALUE}).")
  private String format;

  @Option(
      names = "--text-column",
      paramLabel = "NAME",
      defaultValue = "text",
      description = "Field or column of the text (default: ${DEFAULT-VALUE}).")
  private String textColumn;

  @Option(
      names = "--label-column",
      paramLabel = "NAME",
      defaultValue = "label",
      description =
          "Field or column of the class, its name or its number (default: ${DEFAULT-VALUE}).")
  private String labelColumn;

  @Option(
      names = "--labels",
      paramLabel = "FILE",
      description =
          "Names of the classes, one a line (default: labels.txt or classes.txt beside the data,"
              + " else the names that occur in it).")
  private Path labels;

  /**
   * Reads a file whose every row has a label; {@code names}, where not null, are the classes. Where
   * the data has a list of names of its own, classes are matched by name: numbers alone could mean
   * other classes than those of a model.
   */
  DataSet labelled(Path file, List<String> names) {
    List<String> own = labels == null ? DataSet.labelsBeside(file) : DataSet.readLabels(labels);
    if (names == null || own == null) {
      return DataSet.read(file, options(names));
    }
    return DataSet.read(file, options(null).withLabels(own)).withLabels(names);
  }

  /** A file's texts; labels, if there are any, are not looked at. Plain lines stay in the file. */
  Texts texts(Path file) {
    if (DataOptions.Format.parse(format).of(file) == DataOptions.Format.LINES) {
      return Texts.lines(file);
    }
    return DataSet.read(file, options(null).unlabelled());
  }

  /** How a file of logits is read. */
  DataOptions logits() {
    return options(null).unlabelled();
  }

  private DataOptions options(List<String> names) {
    List<String> given = labels == null ? names : DataSet.readLabels(labels);
    return DataOptions.defaults()
        .withFormat(DataOptions.Format.parse(format))
        .withColumns(textColumn, labelColumn)
        .withLabels(given);
  }
}
