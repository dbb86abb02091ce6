package maque.cli;

import java.nio.file.Path;
import maque.runtime.InvalidInputException;
import maque.training.DataSet;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What every training reads, and the directory that it makes. */
final class TrainingFiles {
  @Option(names = "--train", required = true, paramLabel = "FILE", description = "Labelled texts.")
  private Path train;

  @Option(
      names = "--dev",
      paramLabel = "FILE",
      description = "Labelled texts to choose the best weights by.")
  private Path dev;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The model directory to make; it must not exist.")
  private Path out;

  @Mixin private DataFlags data;

  Path out() {
    return out;
  }

  DataFlags data() {
    return data;
  }

  boolean hasDev() {
    return dev != null;
  }

  /**
   * Looked at before anything long begins.
   *
   * @throws InvalidInputException where something is in the output's place
   */
  void requireFreeOutput() {
    Usage.requireAbsent(out);
  }

  DataSet labelled() {
    return data.labelled(train, null);
  }

  /** The dev set with the classes of {@code labelled}, or null where there is none. */
  DataSet held(DataSet labelled) {
    return dev == null ? null : data.labelled(dev, labelled.labels());
  }
}
