package maque.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.training.Device;
import maque.training.LogitFile;
import maque.training.LogitStore;
import maque.training.RunControl;
import maque.training.TeacherKey;
import maque.training.Texts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque soft-targets}. */
@Command(
    name = "soft-targets",
    mixinStandardHelpOptions = true,
    description = {
      "Writes a teacher's logits for texts into a store that every student run reads.",
      "",
      "A text is scored once: texts that the store holds already are passed over, so that a run"
          + " that was stopped goes on where it was. Labels in the files are not looked at; a plain"
          + " file of lines will do.",
      "",
      "Several teachers may write to one store, each under its own key; train-student with the same"
          + " teachers takes the mean of their logits. --logits takes another system's logits into"
          + " the store under a key that is a hash of the file."
    },
    footer = {
      "",
      "Examples:",
      "  maque soft-targets --teacher models/teacher --out models/logits train.json unlabelled.txt",
      "  maque soft-targets --logits others.csv --out models/logits"
    })
final class SoftTargetsCommand implements Callable<Integer> {
  private static final int KEY_DIGITS = 12;

  @ParentCommand private Main main;
  @Mixin private Threads threads;
  @Mixin private DataFlags data;
  @Mixin private TeacherPrecision precision;

  @Option(
      names = "--teacher",
      paramLabel = "DIR",
      description = "A teacher's model directory; may be given several times.")
  private List<Path> teachers = List.of();

  @Option(
      names = "--logits",
      paramLabel = "FILE",
      description =
          "Another system's logits: jsonl {\"text\": ..., \"logits\": {CLASS: X, ...}}, or csv or"
              + " tsv with a column for each class; may be given several times.")
  private List<Path> logits = List.of();

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "Where it is computed: cpu, cuda (the first GPU) or cuda:N (default: cpu); maque info"
              + " says whether a GPU can be used.")
  private String device = "cpu";

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The store, made where it does not exist.")
  private Path out;

  @Parameters(arity = "0..*", paramLabel = "FILE", description = "Files of texts.")
  private List<Path> files = List.of();

  @Override
  public Integer call() throws Exception {
    Usage.require(
        !teachers.isEmpty() || !logits.isEmpty(), "--teacher or --logits says whose logits");
    Usage.require(!teachers.isEmpty() || files.isEmpty(), "files of texts need --teacher");
    Usage.require(teachers.isEmpty() || !files.isEmpty(), "--teacher needs files of texts");
    return Work.run(main.console(), threads.count(), main.commandLine(), this::write);
  }

  private int write(RunControl control) {
    Device where = Usage.checked(() -> Device.of(device));
    List<ModelDirectory> directories = teachers.stream().map(precision::read).toList();
    for (ModelDirectory directory : directories) {
      requireSameClasses(directories.get(0), directory);
    }
    directories.forEach(directory -> score(directory, where, control));
    logits.forEach(this::copy);
    return 0;
  }

  /** Teachers of one command are meant for one student. */
  private static void requireSameClasses(ModelDirectory first, ModelDirectory other) {
    if (!new TreeSet<>(first.labels()).equals(new TreeSet<>(other.labels()))) {
      throw new InvalidInputException(
          other.path()
              + " has classes "
              + other.labels()
              + ", "
              + first.path()
              + " has "
              + first.labels());
    }
  }

  private void score(ModelDirectory directory, Device where, RunControl control) {
    TeacherKey key = TeacherKey.of(directory);
    try (SoftScorer teacher = new SoftScorer(directory, where);
        LogitStore store = LogitStore.openForWriting(out, key)) {
      for (Path file : files) {
        Texts texts = data.texts(file);
        long scored = teacher.write(store, texts, control);
        main.console()
            .line(
                String.format(
                    "%s: %,d texts, %,d scored now, %,d in the store%s",
                    file, texts.size(), scored, store.size(), named(key)));
      }
    }
  }

  private void copy(Path file) {
    TeacherKey key = LogitFile.read(file, data.logits()).key();
    try (LogitStore store = LogitStore.openForWriting(out, key)) {
      long added = LogitFile.copy(file, data.logits(), store);
      main.console()
          .line(
              String.format(
                  "%s: classes %s, %,d rows added now, %,d in the store%s",
                  file, key.labels(), added, store.size(), named(key)));
    }
  }

  private static String named(TeacherKey key) {
    return " (--soft-key " + key.teacher().substring(0, KEY_DIGITS) + ")";
  }
}
