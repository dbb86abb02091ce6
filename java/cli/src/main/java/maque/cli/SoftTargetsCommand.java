package maque.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import maque.training.LogitStore;
import maque.training.RunControl;
import maque.training.SoftTargets;
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
          + " file of lines will do."
    },
    footer = {
      "",
      "Example:",
      "  maque soft-targets --teacher models/teacher --out models/logits train.json unlabelled.txt"
    })
final class SoftTargetsCommand implements Callable<Integer> {
  @ParentCommand private Main main;
  @Mixin private Threads threads;
  @Mixin private DataFlags data;

  @Option(
      names = "--teacher",
      required = true,
      paramLabel = "DIR",
      description = "A teacher's model directory.")
  private Path teacher;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The store, made where it does not exist.")
  private Path out;

  @Parameters(arity = "1..*", paramLabel = "FILE", description = "Files of texts.")
  private List<Path> files;

  @Override
  public Integer call() throws Exception {
    return Work.run(main.console(), threads.count(), main.commandLine(), this::score);
  }

  private int score(RunControl control) {
    ModelDirectory directory = ModelDirectory.read(teacher);
    try (Teacher model = Teacher.of(directory);
        LogitStore store = LogitStore.openForWriting(out, TeacherKey.of(directory))) {
      for (Path file : files) {
        Texts texts = data.texts(file);
        long scored = SoftTargets.write(store, model, texts, control);
        main.console()
            .line(
                String.format(
                    "%s: %,d texts, %,d scored now, %,d in the store",
                    file, texts.size(), scored, store.size()));
      }
    }
    return 0;
  }
}
