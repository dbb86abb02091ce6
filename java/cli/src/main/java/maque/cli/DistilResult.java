package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import maque.training.ClassificationReport;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.Scores;
import maque.training.SeedComparison;
import maque.training.Texts;

/** What an experiment found: its models' scores, the verdict, the summary. */
final class DistilResult {
  /**
   * One model.
   *
   * @param model where it is; null where several answer together
   * @param test scores on test, with times on one thread
   * @param trainingSeconds how long its training took in the process that ended it; NaN where it
   *     was given
   * @param bytes of its weights' file
   */
  record Member(
      long seed, Path model, Scores test, Scores dev, double trainingSeconds, long bytes) {
    /** Several as one that answers with the mean of their logits and costs what all cost. */
    static Member together(List<Member> members) {
      return new Member(
          members.get(0).seed(),
          null,
          Scores.mean(members.stream().map(Member::test).toList()),
          Scores.mean(members.stream().map(Member::dev).toList()),
          members.stream().mapToDouble(Member::trainingSeconds).sum(),
          members.stream().mapToLong(Member::bytes).sum());
    }
  }

  /**
   * The models of one way, a seed each.
   *
   * @param id key in the summary
   * @param recipe options of train-student, or of train-teacher
   */
  record Measured(
      String id,
      String title,
      String recipe,
      List<Distillation.Tried> tried,
      List<Member> members) {
    Measured {
      tried = List.copyOf(tried);
      members = List.copyOf(members);
    }
  }

  private final Path out;
  private final List<Measured> ways;
  private final FirstStage first;
  private final List<BudgetSearch.Form> forms;
  private final DistilInputs.Loaded data;
  private final long seed;
  private final String drawing;

  DistilResult(
      Path out,
      List<Measured> ways,
      FirstStage first,
      List<BudgetSearch.Form> forms,
      DistilInputs.Loaded data,
      long seed,
      String drawing) {
    this.out = out;
    this.ways = List.copyOf(ways);
    this.first = first;
    this.forms = List.copyOf(forms);
    this.data = data;
    this.seed = seed;
    this.drawing = drawing;
  }

  /** The distilled students' first stage; null where they had one stage. */
  FirstStage first() {
    return first;
  }

  Path model(FirstStage.Run run) {
    return out.resolve(run.model());
  }

  /** All forms that were measured against a budget; none where there was no budget. */
  List<BudgetSearch.Form> forms() {
    return forms;
  }

  List<Measured> ways() {
    return ways;
  }

  DistilInputs.Loaded data() {
    return data;
  }

  Measured way(String id) {
    return ways.stream().filter(way -> way.id().equals(id)).findFirst().orElseThrow();
  }

  Evaluation.Result result(Measured way, Member member) {
    String name = way.members().size() == 1 ? way.title() : way.title() + ", seed " + member.seed();
    return member.test().result(name, data.test());
  }

  /** Mean and spread over a way's seeds. */
  SeedComparison.Spread spread(Measured way, ToDoubleFunction<Evaluation.Result> figure) {
    return SeedComparison.Spread.of(
        way.members().stream()
            .mapToDouble(member -> figure.applyAsDouble(result(way, member)))
            .toArray());
  }

  /** What it learnt from, as one model: of several teachers that answer alone, the first. */
  Evaluation.Result teacher() {
    return result(source(), source().members().get(0));
  }

  SeedComparison.Spread accuracy(Measured way) {
    return spread(way, result -> result.report().accuracy());
  }

  /** The distilled student that is best on dev; of equal ones the first seed's. */
  Member served() {
    return way("distilled").members().stream()
        .max(
            Comparator.comparingDouble((Member member) -> devAccuracy(member))
                .thenComparing(Comparator.comparingLong(Member::seed).reversed()))
        .orElseThrow();
  }

  /** The model of a way that stands for it: the served one, of others the best on dev. */
  Member shown(Measured way) {
    return way.id().equals("distilled")
        ? served()
        : way.members().stream()
            .max(Comparator.comparingDouble((Member member) -> devAccuracy(member)))
            .orElseThrow();
  }

  String drawing() {
    return drawing;
  }

  SeedComparison.Spread devAccuracy(Measured way) {
    return SeedComparison.Spread.of(
        way.members().stream().mapToDouble(this::devAccuracy).toArray());
  }

  /** What a reader of the verdict should know besides. */
  List<String> remarks() {
    List<String> remarks = new ArrayList<>();
    if (way("distilled").members().size() == 1) {
      remarks.add(
          "One seed: another one may move each student by half a point or more. --seeds 5 would"
              + " tell.");
    }
    double teacher = accuracy(source()).mean();
    if (teacher < accuracy(way("alone")).mean()) {
      remarks.add(
          "The teacher is worse than the student alone: there is nothing to distil. Look at its"
              + " training first.");
    }
    bagRemark(remarks);
    if (first != null) {
      remarks.add(firstRemark());
    }
    if (data.transfer() == null && data.first() == null) {
      remarks.add(
          "There were no unlabelled texts, and unlabelled texts are where distillation pays most:"
              + " give any amount of them by --unlabelled.");
    }
    return remarks;
  }

  private String firstRemark() {
    return String.format(
        Locale.ROOT,
        "The distilled student has two stages: after the first, with %,d more unlabelled texts, it"
            + " is right on %.1f %% of dev, after the second on %.1f %%.",
        data.first() == null ? 0 : data.first().size(),
        100 * first.devAccuracy(),
        100 * devAccuracy(way("distilled")).mean());
  }

  /** Where the simplest student there is does as well, a reader should take that. */
  private void bagRemark(List<String> remarks) {
    String id = has("bag") ? "bag" : "alone";
    if (!way(id).recipe().startsWith("--kind bag")) {
      return;
    }
    double behind = accuracy(way("distilled")).mean() - accuracy(way(id)).mean();
    if (behind < SeedComparison.WORTH) {
      remarks.add(
          String.format(
              Locale.ROOT,
              "A plain bag of n-grams, trained on the labels alone, is right on %.1f %%: that is"
                  + " enough, and needs no teacher.",
              100 * accuracy(way(id)).mean()));
    }
  }

  double devAccuracy(Member member) {
    return member.dev().result("dev", data.dev()).report().accuracy();
  }

  /** One way against another, seed by seed. */
  SeedComparison compare(String baseline, String other) {
    return SeedComparison.of(
        data.test().labelIndexes(), predicted(way(baseline)), predicted(way(other)), seed);
  }

  private static List<int[]> predicted(Measured way) {
    return way.members().stream().map(member -> member.test().predicted()).toList();
  }

  private boolean has(String id) {
    return ways.stream().anyMatch(way -> way.id().equals(id));
  }

  /** What the distilled student learnt from: all teachers together, or the one there is. */
  Measured source() {
    return way(has("ensemble") ? "ensemble" : "teacher");
  }

  /** Part of the way from the student alone to a teacher that the distilled one has gone. */
  double gapClosed(Measured teacher) {
    double alone = accuracy(way("alone")).mean();
    return (accuracy(way("distilled")).mean() - alone) / (accuracy(teacher).mean() - alone);
  }

  /** The verdict in a sentence or two. */
  String verdict() {
    SeedComparison comparison = compare("alone", "distilled");
    String text =
        String.format(
            Locale.ROOT,
            "%s: the distilled student is right on %.1f %% of %,d test texts, the best student that"
                + " takes nothing from the teacher on %.1f %%: %s. %s",
            comparison.outcome(),
            100 * accuracy(way("distilled")).mean(),
            data.test().size(),
            100 * accuracy(way("alone")).mean(),
            comparison.text(),
            ofTeacher("The teacher is", way("teacher")));
    return has("ensemble")
        ? text
            + "; "
            + ofTeacher("the teachers together, which it learnt from, are", way("ensemble"))
            + "."
        : text + ".";
  }

  private String ofTeacher(String subject, Measured teacher) {
    double accuracy = accuracy(teacher).mean();
    String text = String.format(Locale.ROOT, "%s right on %.1f %%", subject, 100 * accuracy);
    return accuracy > accuracy(way("alone")).mean() && gapClosed(teacher) > 0
        ? text
            + String.format(
                Locale.ROOT, ", and %.0f %% of the gap to it is closed", 100 * gapClosed(teacher))
        : text;
  }

  /** Metrics of a model on test, for its record. */
  Map<String, Object> metrics(Member member) {
    Evaluation.Result result = member.test().result("test", data.test());
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("examples", (long) data.test().size());
    map.put("sha256", data.test().hash());
    map.put("accuracy", result.report().accuracy());
    map.put("macro_f1", result.report().macroAverage().f1());
    return map;
  }

  /** {@code summary.json}. */
  Map<String, Object> summary() {
    SeedComparison comparison = compare("alone", "distilled");
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("verdict", comparison.outcome().toString());
    map.put("verdict_text", verdict());
    map.put("gain", gain(comparison));
    map.put("gap_closed", finite(gapClosed(way("teacher"))));
    if (has("ensemble")) {
      map.put("gap_closed_to_ensemble", finite(gapClosed(way("ensemble"))));
    }
    map.put("seeds", way("distilled").members().stream().map(Member::seed).toList());
    ways.forEach(way -> map.put(way.id(), summary(way)));
    if (first != null) {
      map.put("first", first.toMap());
    }
    map.put("served", served().model().getFileName().toString());
    if (!forms.isEmpty()) {
      map.put("forms", forms.stream().map(BudgetSearch.Form::toMap).toList());
    }
    map.put("labels", drawing);
    map.put("data", dataMap());
    return map;
  }

  private static Object finite(double value) {
    return Double.isFinite(value) ? (Object) value : null;
  }

  private static Map<String, Object> gain(SeedComparison comparison) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("mean", comparison.gain());
    map.put("low", comparison.low());
    map.put("high", comparison.high());
    map.put("mcnemar_p", comparison.pairs().stream().map(pair -> (Object) pair.pValue()).toList());
    map.put("paired_t_p", finite(comparison.tTest()));
    return map;
  }

  private Map<String, Object> summary(Measured way) {
    Map<String, Object> map = new LinkedHashMap<>();
    SeedComparison.Spread accuracy = accuracy(way);
    SeedComparison.Spread f1 = spread(way, result -> result.report().macroAverage().f1());
    map.put("accuracy", accuracy.mean());
    map.put("macro_f1", f1.mean());
    map.put("seconds", spread(way, Evaluation.Result::seconds).mean());
    if (way.members().size() > 1) {
      map.put("accuracy_sd", accuracy.deviation());
      map.put("macro_f1_sd", f1.deviation());
      map.put(
          "accuracies",
          way.members().stream()
              .map(member -> (Object) result(way, member).report().accuracy())
              .toList());
    }
    map.put(
        "dev_accuracy",
        SeedComparison.Spread.of(way.members().stream().mapToDouble(this::devAccuracy).toArray())
            .mean());
    map.put("median_micros", spread(way, Evaluation.Result::medianMicros).mean());
    map.put("p99_micros", spread(way, Evaluation.Result::slowMicros).mean());
    map.put("parameters", way.members().get(0).test().parameters());
    map.put("bytes", way.members().get(0).bytes());
    map.put(
        "training_seconds",
        finite(
            way.members().stream()
                .mapToDouble(Member::trainingSeconds)
                .average()
                .orElse(Double.NaN)));
    map.put("options", way.recipe());
    map.put("tried", way.tried().stream().map(DistilResult::tried).toList());
    map.put(
        "runs",
        way.members().stream()
            .filter(member -> member.model() != null)
            .map(member -> run(way, member))
            .toList());
    return map;
  }

  private Map<String, Object> run(Measured way, Member member) {
    ClassificationReport report = result(way, member).report();
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("model", inside(member.model()));
    map.put("seed", member.seed());
    map.put("accuracy", report.accuracy());
    map.put("macro_f1", report.macroAverage().f1());
    map.put("dev_accuracy", devAccuracy(member));
    return map;
  }

  /** A path from the experiment's folder, where it lies in it; else as it is. */
  private String inside(Path model) {
    return model.startsWith(out)
        ? out.relativize(model).toString()
        : model.toAbsolutePath().toString();
  }

  private static Map<String, Object> tried(Distillation.Tried tried) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", tried.name());
    map.put("options", tried.recipe().toString());
    map.put("dev_accuracy", finite(tried.devAccuracy()));
    return map;
  }

  private Map<String, Object> dataMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("train", dataMap(data.train(), data.train().hash()));
    map.put("dev", dataMap(data.dev(), data.dev().hash()));
    map.put("test", dataMap(data.test(), data.test().hash()));
    if (data.transfer() != null) {
      map.put("unlabelled", dataMap(data.transfer(), Texts.hashOf(data.transfer())));
    }
    if (data.first() != null) {
      map.put("first_unlabelled", dataMap(data.first(), Texts.hashOf(data.first())));
    }
    return map;
  }

  private static Map<String, Object> dataMap(Texts texts, String sha256) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("texts", (long) texts.size());
    map.put("sha256", sha256);
    if (texts instanceof DataSet set) {
      map.put("name", set.name());
    }
    return map;
  }

  /** What is printed: the verdict, then the models side by side. */
  String text() {
    List<String> lines = new ArrayList<>();
    lines.add(verdict());
    lines.add("");
    lines.add(
        String.format(
            "%-38s %16s %16s %9s %11s %10s %10s",
            "", "accuracy", "macro F1", "dev", "agreement", "one text", "file"));
    Evaluation.Result teacher = teacher();
    for (Measured way : ways) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-38s %16s %16s %9.4f %11.4f %10s %10s",
              way.title(),
              plusMinus(way, accuracy(way)),
              plusMinus(way, spread(way, result -> result.report().macroAverage().f1())),
              devAccuracy(way).mean(),
              spread(way, teacher::agreement).mean(),
              Durations.ofMicros(spread(way, Evaluation.Result::medianMicros).mean()),
              Sizes.of(way.members().get(0).bytes())));
    }
    return String.join(System.lineSeparator(), lines);
  }

  private static String plusMinus(Measured way, SeedComparison.Spread spread) {
    return way.members().size() == 1
        ? String.format(Locale.ROOT, "%.4f", spread.mean())
        : String.format(Locale.ROOT, "%.4f ± %.4f", spread.mean(), spread.deviation());
  }
}
