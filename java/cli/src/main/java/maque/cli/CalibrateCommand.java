package maque.cli;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.TextClassifier;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.RunControl;
import maque.training.TemperatureFit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque calibrate}. */
@Command(
    name = "calibrate",
    mixinStandardHelpOptions = true,
    description = {
      "Fits the temperature that makes a model's probabilities believable, on labelled texts that"
          + " it was not trained on, and writes the model with it. No label changes.",
      "",
      "Training with --dev does that already; this is for models that were trained without, and"
          + " for other texts than training had."
    },
    footer = {
      "",
      "Example:",
      "  maque calibrate student.maque --data dev.json --out calibrated.maque"
    })
final class CalibrateCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Parameters(paramLabel = "MODEL", description = "A student or a teacher, packed or not.")
  private Path source;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "Labelled texts to fit on.")
  private Path file;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "PATH",
      description = "A directory, or, if it ends in .maque, one file; it must not exist.")
  private Path out;

  @Mixin private DataFlags data;
  @Mixin private Threads threads;

  @Override
  public Integer call() throws Exception {
    Usage.requireAbsent(out);
    return Work.run(main.console(), threads.count(), main.commandLine(), this::calibrate);
  }

  private int calibrate(RunControl control) {
    ModelDirectory model = ModelDirectory.read(source);
    TemperatureFit fit = fit(model, control);
    ModelDirectory.Writer writer = fit.write(model, file.getFileName().toString(), out);
    if (PackCommand.isSingleFile(out)) {
      writer.commitFile();
    } else {
      writer.commit();
    }
    main.console()
        .result(
            String.format(
                Locale.ROOT,
                "%s: temperature %s; calibration error %.2f points over 15 bins (without: %.2f),"
                    + " log loss %.4f (%.4f)",
                out,
                fit.fitted().temperature(),
                100 * fit.fitted().error(),
                100 * fit.raw().error(),
                fit.fitted().loss(),
                fit.raw().loss()));
    return 0;
  }

  private TemperatureFit fit(ModelDirectory model, RunControl control) {
    try (TextClassifier loaded = Models.load(model)) {
      DataSet texts = data.labelled(file, loaded.labels());
      if (texts.size() == 0 || Arrays.stream(texts.counts()).sum() < texts.size()) {
        throw new InvalidInputException(texts.name() + ": every text needs a label to fit by");
      }
      return TemperatureFit.of(Evaluation.logits(loaded, texts, control), texts.labelIndexes());
    }
  }
}
