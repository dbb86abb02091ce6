package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import maque.runtime.Json;
import maque.runtime.TextClassifier;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.RunControl;
import maque.training.Scores;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque evaluate}. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description = {
      "Measures models on labelled texts: per class precision, recall, F1 and support; accuracy and"
          + " averages; running time for all on --threads, and of one text alone on one thread.",
      "",
      "How far probabilities can be believed: the expected calibration error over 15 bins of equal"
          + " width, with the temperature that was fitted after training and without. And what"
          + " deferring the texts that a model is not sure of gains: accuracy on the others.",
      "",
      "With several models each is also compared with the first: difference, 95 %% interval,"
          + " McNemar's test; and the first answers what the other defers."
    },
    footer = {
      "",
      "Example:",
      "  maque evaluate --model models/teacher --model models/student test.json"
    })
final class EvaluateCommand implements Callable<Integer> {
  @ParentCommand private Main main;
  @Mixin private RunOptions options;
  @Mixin private DataFlags data;
  @Mixin private TeacherPrecision precision;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "A teacher's or a student's directory; may be given several times.")
  private List<Path> models;

  @Option(names = "--confusion", description = "Print the confusion matrix too.")
  private boolean confusion;

  @Option(names = "--json", description = "One JSON object a model instead of tables.")
  private boolean json;

  @Parameters(paramLabel = "FILE", description = "Labelled texts.")
  private Path file;

  @Override
  public Integer call() throws Exception {
    return Work.run(main.console(), options.threads(), main.commandLine(), this::evaluate);
  }

  private int evaluate(RunControl control) {
    List<Evaluation.Result> results = new ArrayList<>();
    for (Path directory : models) {
      try (TextClassifier model = Models.load(precision.read(directory))) {
        DataSet texts = data.labelled(file, model.labels());
        Scores scores = Evaluation.labelled(model, texts, control);
        results.add(scores.result(directory.toString(), texts));
        print(results, Confidence.of(scores, model.temperature(), results), control.threads());
      }
    }
    if (results.size() > 1 && !json) {
      main.console().result(Models.summary(results));
    }
    return 0;
  }

  /** Prints the last result. */
  private void print(List<Evaluation.Result> results, Confidence confidence, int threads) {
    Console console = main.console();
    Evaluation.Result first = results.get(0);
    Evaluation.Result last = results.get(results.size() - 1);
    if (json) {
      Map<String, Object> map = Models.toMap(last, threads);
      map.putAll(confidence.toMap());
      console.result(Json.line(map));
      return;
    }
    console.result(Models.table(last, threads));
    console.result(confidence.text());
    if (confusion) {
      console.result(last.report().confusionText());
    }
    if (results.size() > 1) {
      console.result(
          "against " + first.name() + ": " + first.compare(last, options.seed()).text() + "\n");
    }
  }
}
