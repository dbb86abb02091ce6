package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.TextClassifier;
import maque.training.DataSet;
import maque.training.Diagnosis;
import maque.training.Evaluation;
import maque.training.LogitStore;
import maque.training.RunControl;
import maque.training.TeacherKey;
import maque.training.Texts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code maque diagnose}. */
@Command(
    name = "diagnose",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Why is this student not better? Looks at teacher, student and texts, and says what it found,"
          + " the figure behind it and what to try; what weighs most comes first.",
      "",
      "The weights are rules of thumb, in points of accuracy."
    },
    footer = {
      "",
      "Example:",
      "  maque diagnose --teacher run/teacher --student run/student --data dev.json --train"
          + " train.json"
    })
final class DiagnoseCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Option(
      names = "--student",
      required = true,
      paramLabel = "DIR",
      description =
          "The student; given several times, students of the same recipe with other seeds, of which"
              + " the first is looked at closely.")
  private List<Path> students;

  @Option(names = "--teacher", required = true, paramLabel = "DIR", description = "Its teacher.")
  private Path teacher;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "Labelled texts that neither was trained on, such as dev.")
  private Path file;

  @Option(
      names = "--train",
      paramLabel = "FILE",
      description = "The labelled texts of the training: shows what fits and what carries over.")
  private Path train;

  @Option(
      names = "--sample",
      paramLabel = "N",
      defaultValue = "2000",
      description = "Most texts of --train that are scored (default: ${DEFAULT-VALUE}).")
  private int sample;

  @Option(
      names = "--soft-targets",
      paramLabel = "DIR",
      description = "The store of the teacher's logits: are all texts of --train in it?")
  private Path softTargets;

  @Option(names = "--json", description = "One JSON object instead of text.")
  private boolean json;

  @Mixin private DataFlags data;
  @Mixin private RunOptions run;

  @Override
  public Integer call() throws Exception {
    Usage.require(sample >= 1, "--sample must be 1 or more");
    Usage.require(softTargets == null || train != null, "--soft-targets needs --train");
    return Work.run(main.console(), run.threads(), main.commandLine(), this::diagnose);
  }

  private int diagnose(RunControl control) {
    ModelDirectory model = ModelDirectory.read(students.get(0));
    List<String> labels = model.labels();
    DataSet texts = data.labelled(file, labels);
    DataSet all = train == null ? null : data.labelled(train, labels);
    DataSet some = all == null ? null : all.sample(sample, run.seed());
    List<float[][]> answers = new ArrayList<>();
    float[][] onTrain = null;
    for (Path each : students) {
      try (TextClassifier loaded = loaded(each, labels)) {
        answers.add(Evaluation.logits(loaded, texts, control));
        if (some != null && onTrain == null) {
          onTrain = Evaluation.logits(loaded, some, control);
        }
      }
    }
    try (TextClassifier loaded = loaded(teacher, labels)) {
      Diagnosis.Evidence evidence =
          new Diagnosis.Evidence(
              texts,
              some,
              Evaluation.logits(loaded, texts, control),
              some == null ? null : Evaluation.logits(loaded, some, control),
              answers,
              onTrain,
              Readers.of(model),
              model.training(),
              softTargets == null ? -1 : missing(all));
      print(Diagnosis.of(evidence));
    }
    return 0;
  }

  private static TextClassifier loaded(Path directory, List<String> labels) {
    TextClassifier model = Models.load(directory);
    if (!model.labels().equals(labels)) {
      List<String> own = model.labels();
      model.close();
      throw new InvalidInputException(
          directory + " has classes " + own + ", the first student " + labels);
    }
    return model;
  }

  private int missing(Texts texts) {
    int missing = 0;
    try (LogitStore store =
        LogitStore.open(softTargets, TeacherKey.of(ModelDirectory.read(teacher)))) {
      for (int i = 0; i < texts.size(); i++) {
        missing += store.contains(texts.get(i)) ? 0 : 1;
      }
    }
    return missing;
  }

  private void print(List<Diagnosis.Finding> findings) {
    Console console = main.console();
    if (json) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("findings", findings.stream().map(Diagnosis.Finding::toMap).toList());
      console.result(Json.line(map));
      return;
    }
    List<Diagnosis.Finding> causes = findings.stream().filter(Diagnosis.Finding::matters).toList();
    console.result(
        causes.isEmpty() ? "nothing stands out" : "What may hold the student back, most first:");
    for (Diagnosis.Finding finding : causes) {
      console.result(
          String.format(
              Locale.ROOT,
              "%n%s (about %.1f points)%n  found: %s%n  try:   %s",
              finding.title(),
              finding.weight(),
              finding.figure(),
              finding.advice()));
    }
    console.result(String.format("%nLooked at, and no matter:"));
    findings.stream()
        .filter(finding -> !finding.matters())
        .forEach(finding -> console.result("  " + finding.title() + ": " + finding.figure()));
  }
}
