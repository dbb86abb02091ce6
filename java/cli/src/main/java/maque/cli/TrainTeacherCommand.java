package maque.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import maque.training.DataSet;
import maque.training.RunControl;
import maque.training.TeacherOptions;
import maque.training.TeacherTraining;
import maque.training.TrainingResult;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code maque train-teacher}. */
@Command(
    name = "train-teacher",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    abbreviateSynopsis = true,
    description = {
      "Fine-tunes an encoder, with a head on it, on labelled texts.",
      "",
      "The weights that are best on dev are kept. A run that was stopped goes on from"
          + " OUT.checkpoint when the same command is given again."
    },
    footer = {
      "",
      "Examples:",
      "  maque train-teacher --encoder models/bge --train train.json --text-column sentence --out"
          + " models/teacher",
      "  maque train-teacher --encoder models/base --train train.csv --preset seed --out"
          + " models/teacher"
    })
final class TrainTeacherCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Option(
      names = "--encoder",
      required = true,
      paramLabel = "DIR",
      description = "The encoder: a directory that import made, or Hugging Face's.")
  private Path encoder;

  @Mixin private TrainingFiles files;
  @Mixin private RunOptions run;

  @ArgGroup(validate = false, heading = "%nTeacher:%n")
  private TeacherFlags teacher = new TeacherFlags();

  @ArgGroup(validate = false, heading = "%nTraining:%n")
  private TrainingFlags training = new TrainingFlags();

  @Override
  public Integer call() throws Exception {
    files.requireFreeOutput();
    TeacherOptions options =
        Usage.checked(() -> training.apply(teacher.options(), run.seed(), files.hasDev()));
    return Work.run(
        main.console(), run.threads(), main.commandLine(), control -> train(options, control));
  }

  private int train(TeacherOptions options, RunControl control) {
    DataSet labelled = files.labelled();
    DataSet held = files.held(labelled);
    training.applyClassWeights(options, labelled);
    TrainingResult result =
        TeacherTraining.run(
            new TeacherTraining.Inputs(encoder, labelled, held, files.out()), options, control);
    Results.print(main.console(), result);
    return 0;
  }
}
