package maque.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import maque.cli.ExperimentSummary.Figure;
import maque.runtime.AtomicFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque compare}. */
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Experiments side by side: a table in Markdown of what distil found in each, and a picture.",
      "",
      "RUN is a folder of distil, or its summary.json kept elsewhere; TITLE= before it says what it"
          + " is called."
    },
    footer = {
      "",
      "Example:",
      "  maque compare 'few labels=few/summary.json' 'all labels=all' --picture experiments.svg"
    })
final class CompareCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Parameters(arity = "1..*", paramLabel = "[TITLE=]RUN", description = "The experiments.")
  private List<String> runs;

  @Option(
      names = "--picture",
      paramLabel = "FILE",
      description = "Draw them into an SVG file that stands for itself.")
  private Path picture;

  @Override
  public Integer call() {
    List<ExperimentSummary> experiments = new ArrayList<>();
    for (String run : runs) {
      int at = run.indexOf('=');
      Path path = Path.of(run.substring(at + 1));
      Path file = Files.isDirectory(path) ? path.resolve("summary.json") : path;
      String title = at < 0 ? path.getFileName().toString() : run.substring(0, at);
      experiments.add(ExperimentSummary.read(title, file));
    }
    table(experiments).forEach(main.console()::result);
    if (picture != null) {
      AtomicFiles.write(picture, ExperimentChart.svg(experiments).getBytes(StandardCharsets.UTF_8));
    }
    return 0;
  }

  private static List<String> table(List<ExperimentSummary> experiments) {
    boolean together = experiments.stream().anyMatch(each -> each.together() != null);
    List<String> lines = new ArrayList<>();
    String column = together ? " all teachers together |" : "";
    lines.add(
        "| | teacher |"
            + column
            + " best student alone | distilled | gain (95 % interval) | of the gap | verdict |");
    lines.add("|---|---|" + (together ? "---|" : "") + "---|---|---|---|---|");
    for (ExperimentSummary each : experiments) {
      Figure gain = each.gain();
      lines.add(
          "| "
              + String.join(
                  " | ",
                  each.title().replace("|", "\\|"),
                  percent(each.teacher())
                      + (together
                          ? " | " + (each.together() == null ? "" : percent(each.together()))
                          : ""),
                  percent(each.alone()),
                  percent(each.distilled()),
                  number(
                      "%+.1f (%+.1f to %+.1f)",
                      100 * gain.mean(), 100 * gain.low(), 100 * gain.high()),
                  number("%.0f %%", 100 * each.gapClosed()),
                  each.verdict())
              + " |");
    }
    return lines;
  }

  private static String percent(Figure figure) {
    double deviation = (figure.high() - figure.low()) / 2;
    return deviation == 0
        ? number("%.1f", 100 * figure.mean())
        : number("%.1f ± %.1f", 100 * figure.mean(), 100 * deviation);
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
