package maque.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import maque.runtime.ModelDirectory;
import maque.training.DataSet;
import maque.training.RunControl;
import maque.training.StudentAverage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque average}. */
@Command(
    name = "average",
    mixinStandardHelpOptions = true,
    description = {
      "Makes one student whose weights are the mean of several students' weights, and which costs"
          + " what one of them costs (a uniform model soup, Wortsman et al., arXiv 2203.05482).",
      "",
      "All must have gone on from one student (train-student --start), with other seeds or other"
          + " options of training, and have the same kind, sizes, vocabulary and classes."
    },
    footer = {"", "Example:", "  maque average run/a-1 run/a-2 run/a-3 --dev dev.json --out run/a"})
final class AverageCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Parameters(paramLabel = "DIR", arity = "2..*", description = "Students of one start.")
  private List<Path> students;

  @Option(
      names = "--dev",
      paramLabel = "FILE",
      description =
          "Labelled texts to measure the mean and its parents on and to fit its temperature by"
              + " (default: neither is done).")
  private Path dev;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The model directory to make; it must not exist.")
  private Path out;

  @Mixin private DataFlags data;
  @Mixin private Threads threads;

  @Override
  public Integer call() throws Exception {
    Usage.requireAbsent(out);
    return Work.run(main.console(), threads.count(), main.commandLine(), this::average);
  }

  private int average(RunControl control) {
    List<String> labels = ModelDirectory.read(students.get(0)).labels();
    DataSet held = dev == null ? null : data.labelled(dev, labels);
    main.console().result(line(StudentAverage.write(students, held, out, control)));
    return 0;
  }

  /** What was made, in a line. */
  static String line(StudentAverage.Result result) {
    return result.parents().isEmpty()
        ? result.model() + ": no dev set, not measured"
        : String.format(
            Locale.ROOT,
            "%s: dev accuracy %.4f, its parents' %s",
            result.model(),
            result.devAccuracy(),
            result.parents().stream()
                .map(parent -> String.format(Locale.ROOT, "%.4f", parent))
                .collect(Collectors.joining(" ")));
  }
}
