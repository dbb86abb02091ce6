package maque.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import maque.training.DataSet;
import maque.training.RunControl;
import maque.training.StudentOptions;
import maque.training.StudentTraining;
import maque.training.Texts;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code maque train-student}. */
@Command(
    name = "train-student",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    abbreviateSynopsis = true,
    description = {
      "Trains a student: with --soft-targets distilled from the teacher, without them from the"
          + " labels alone.",
      "",
      "Soft targets are what soft-targets wrote, or a file of --logits, for the labelled texts and"
          + " for those of --unlabelled. A run that was stopped goes on from OUT.checkpoint when"
          + " the same command is given again."
    },
    footer = {
      "",
      "Examples:",
      "  maque train-student --teacher models/teacher --train train.json --unlabelled more.txt \\",
      "      --soft-targets models/logits --embeddings teacher --out models/student",
      "  maque train-student --kind document --tokens words --vectors vectors.txt --train train.csv"
          + " --out models/doc"
    })
final class TrainStudentCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Option(
      names = "--unlabelled",
      paramLabel = "FILE",
      description =
          "More texts to learn the teacher's answers on, real ones or those of augment; labels in"
              + " them are not looked at; may be given several times.")
  private List<Path> unlabelled = List.of();

  @Mixin private SoftTargetSources soft;

  @Option(
      names = "--teacher",
      paramLabel = "DIR",
      description =
          "The teacher's directory: its vocabulary, its embeddings if asked for, and the key of its"
              + " soft targets. Given several times: the first has the vocabulary, and the soft"
              + " targets are the mean of all.")
  private List<Path> teachers = List.of();

  @Option(
      names = "--vectors",
      paramLabel = "FILE",
      description = "Word vectors, word2vec's text or binary form.")
  private Path vectors;

  @Option(
      names = "--start",
      paramLabel = "DIR",
      description =
          "A student of the same kind, sizes and classes to go on from: its vocabulary is kept, its"
              + " weights are the first ones (default: fresh ones).")
  private Path start;

  @Mixin private TrainingFiles files;
  @Mixin private RunOptions run;

  @ArgGroup(validate = false, heading = "%nStudent:%n")
  private StudentFlags student = new StudentFlags();

  @ArgGroup(validate = false, heading = "%nTraining:%n")
  private TrainingFlags training = new TrainingFlags();

  @Override
  public Integer call() throws Exception {
    files.requireFreeOutput();
    soft.check(teachers);
    Usage.require(
        soft.isGiven() || unlabelled.isEmpty(), "--unlabelled needs --soft-targets or --logits");
    Usage.require(soft.isGiven() || teachers.size() <= 1, "several teachers need --soft-targets");
    StudentOptions options =
        Usage.checked(
            () ->
                training.apply(
                    student.options(soft.isGiven(), vectors != null), run.seed(), files.hasDev()));
    return Work.run(
        main.console(), run.threads(), main.commandLine(), control -> train(options, control));
  }

  private int train(StudentOptions options, RunControl control) {
    DataSet labelled = files.labelled();
    DataSet held = files.held(labelled);
    training.applyClassWeights(options, labelled);
    StudentTraining.Inputs inputs =
        StudentTraining.Inputs.labelled(labelled, held, files.out())
            .withTeacher(teachers.isEmpty() ? null : teachers.get(0))
            .withVectors(vectors)
            .withStart(start);
    if (!soft.isGiven()) {
      Results.print(main.console(), StudentTraining.run(inputs, options, control));
      return 0;
    }
    try (SoftTargetSources.Opened opened = soft.open(teachers, files.data().logits())) {
      inputs = inputs.withSoft(opened.source()).withTransfer(transfer());
      Results.print(main.console(), StudentTraining.run(inputs, options, control));
    }
    return 0;
  }

  private Texts transfer() {
    return unlabelled.stream().map(files.data()::texts).reduce(Texts::concat).orElse(null);
  }
}
