package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import maque.runtime.Maque;
import maque.runtime.ModelDirectory;
import maque.training.Evaluation;
import maque.training.ReportData;
import maque.training.StudentOptions;
import maque.training.Verdict;

/** The demo's result: the same in text and in HTML. */
final class DemoReport {
  private final Path folder;
  private final Evaluation.Result teacher;
  private final List<Scored> students;
  private final long seed;

  /** A student and its results. */
  record Scored(DemoModel model, Evaluation.Result result) {
    double accuracy() {
      return result.report().accuracy();
    }
  }

  DemoReport(Path folder, Evaluation.Result teacher, List<Scored> students, long seed) {
    this.folder = folder;
    this.teacher = teacher;
    this.students = List.copyOf(students);
    this.seed = seed;
  }

  /**
   * The demo's answer: the distilled sequence student, whatever the test texts say of the others,
   * so that its accuracy on them is an honest one.
   */
  Scored answer() {
    return students.stream()
        .filter(s -> s.model().distilled())
        .filter(s -> s.model().options().kind() == StudentOptions.Kind.SEQUENCE)
        .findFirst()
        .orElseThrow();
  }

  /**
   * The best of those that take nothing from the teacher: neither answers nor vectors. It is chosen
   * on the test texts, which favours it, not the answer.
   */
  Scored baseline() {
    return students.stream()
        .filter(s -> s.model().isBaseline())
        .max(Comparator.comparingDouble(Scored::accuracy))
        .orElseThrow();
  }

  /** Whether distillation paid, by how much, and against which baseline. */
  Verdict verdict() {
    Evaluation.Result from = baseline().result();
    Evaluation.Result to = answer().result();
    Verdict judged = Verdict.of(teacher, from, to, seed);
    String judgement = judged.text().substring(0, judged.text().indexOf(':'));
    return new Verdict(
        judged.outcome(),
        String.format(
            Locale.ROOT,
            "%s: the %s is right on %.1f %% of %,d test texts, the best student that takes nothing"
                + " from the teacher (%s) on %.1f %%: %s. The teacher is right on %.1f %% and takes"
                + " %.0f times as long.",
            judgement,
            to.name(),
            100 * to.report().accuracy(),
            to.report().total(),
            from.name(),
            100 * from.report().accuracy(),
            from.compare(to, seed).text(),
            100 * teacher.report().accuracy(),
            teacher.medianMicros() / to.medianMicros()));
  }

  private List<Evaluation.Result> results() {
    List<Evaluation.Result> results = new ArrayList<>(List.of(teacher));
    students.forEach(student -> results.add(student.result()));
    return results;
  }

  /** What is printed: the verdict first, then the tables, then all models side by side. */
  String text() {
    return verdict().text()
        + "\n\n"
        + results().stream()
            .map(result -> Models.table(result, 1))
            .collect(Collectors.joining("\n"))
        + "\n"
        + Models.summary(results())
        + "\n";
  }

  /** The picture of all models. */
  String chart(String title) {
    List<DemoChart.Row> rows = new ArrayList<>(List.of(new DemoChart.Row(teacher, false)));
    students.forEach(
        student -> rows.add(new DemoChart.Row(student.result(), !student.model().isBaseline())));
    return DemoChart.svg(title, rows);
  }

  /** The page's content. */
  ReportData data(String title, String intro, Stages stages, String next) {
    List<ReportData.Model> models = new ArrayList<>();
    models.add(model("teacher", teacher));
    students.forEach(student -> models.add(model(student.model().name(), student.result())));
    List<ReportData.Comparison> comparisons =
        students.stream()
            .filter(student -> student.model().distilled())
            .map(student -> comparison(baseline(), student))
            .toList();
    return new ReportData(title, verdict(), intro, models, comparisons, sections(stages), next);
  }

  private ReportData.Comparison comparison(Scored baseline, Scored student) {
    return new ReportData.Comparison(
        baseline.result().name(),
        student.result().name(),
        baseline.result().compare(student.result(), seed));
  }

  private ReportData.Model model(String name, Evaluation.Result result) {
    Map<String, Object> training = ModelDirectory.read(folder.resolve(name)).training();
    Map<String, String> options = new LinkedHashMap<>();
    if (training.get("options") instanceof Map<?, ?> given) {
      given.forEach((key, value) -> options.put(String.valueOf(key), String.valueOf(value)));
    }
    return new ReportData.Model(result, options, learning(training.get("history")));
  }

  private static List<ReportData.Point> learning(Object history) {
    List<ReportData.Point> points = new ArrayList<>();
    if (history instanceof List<?> list) {
      for (Object each : list) {
        if (each instanceof Map<?, ?> point
            && point.get("step") instanceof Number step
            && point.get("dev_accuracy") instanceof Number accuracy) {
          points.add(new ReportData.Point(step.longValue(), accuracy.doubleValue()));
        }
      }
    }
    return points;
  }

  private List<ReportData.Section> sections(Stages stages) {
    Map<String, String> times = new LinkedHashMap<>();
    stages
        .all()
        .forEach((name, seconds) -> times.put(name, String.format(Locale.ROOT, "%.1f s", seconds)));
    Map<String, String> downloads = new LinkedHashMap<>();
    for (Artifact artifact : List.of(Artifact.ALL_MINILM_L6_V2, Artifact.WORDNET_31)) {
      downloads.put(artifact.coordinates(), "SHA-256 " + artifact.sha256());
    }
    Maque.Info info = Maque.info();
    Map<String, String> machine = new LinkedHashMap<>();
    machine.put("Maque", info.version());
    machine.put("instruction set", info.isa());
    machine.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
    machine.put("Java", Runtime.version().toString());
    return List.of(
        new ReportData.Section("Time of each step", times),
        new ReportData.Section("Downloads", downloads),
        new ReportData.Section("Machine", machine));
  }
}
