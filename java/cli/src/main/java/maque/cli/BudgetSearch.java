package maque.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.TextClassifier;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.Precision;
import maque.training.RunControl;
import maque.training.Scores;
import maque.training.StudentPacking;
import maque.training.Texts;

/**
 * Packs students in every precision, measures each form on dev, and picks the most accurate one
 * that fits a budget.
 */
final class BudgetSearch {
  private static final int ROUNDS = 3;

  /**
   * A student in one form.
   *
   * @param name of the trained student's folder, without the seed
   * @param medianMicros the least of three rounds, as is {@code p99Micros}: what the machine can
   *     do, not what else it was doing
   * @param bytes of its weights' file
   * @param fits whether the budget allows it
   */
  record Form(
      String name,
      StudentRecipe recipe,
      Precision precision,
      double devAccuracy,
      double medianMicros,
      double p99Micros,
      long bytes,
      boolean fits) {
    String title() {
      return name + " " + precision.id();
    }

    /** As JSON values. */
    Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("name", name);
      map.put("options", recipe.toString());
      map.put("precision", precision.id());
      map.put("dev_accuracy", devAccuracy);
      map.put("median_micros", medianMicros);
      map.put("p99_micros", p99Micros);
      map.put("bytes", bytes);
      map.put("fits", fits);
      return map;
    }

    String line() {
      return String.format(
          Locale.ROOT,
          "%-24s dev %.4f  median %9s  99 %% %9s  %9s  %s",
          title(),
          devAccuracy,
          Durations.ofMicros(medianMicros),
          Durations.ofMicros(p99Micros),
          Sizes.of(bytes),
          fits ? "fits" : "too much");
    }
  }

  private final Path out;
  private final Stages stages;
  private final Budget budget;
  private final DataSet dev;
  private final Texts used;
  private final RunControl control;

  /**
   * @param used texts whose tokens keep their rows; the others share one
   */
  BudgetSearch(
      Path out, Stages stages, Budget budget, DataSet dev, Texts used, RunControl control) {
    this.out = out;
    this.stages = stages;
    this.budget = budget;
    this.dev = dev;
    this.used = used;
    this.control = control;
  }

  /** Packs a trained student; returns the name of the packed one. */
  String pack(String model, Precision precision) throws Exception {
    String name = model + "-" + precision.id();
    ModelDirectory student = ModelDirectory.read(out.resolve(model));
    boolean bag = student.modelType().equals("maque-bag"); // has no tokens' rows to keep
    long table = Math.min(StudentPacking.Options.DEFAULT_TABLE_BYTES, budget.bytes() / 2);
    stages.run(
        name,
        List.of(student.fingerprint(), table, used.hash()),
        false,
        () ->
            StudentPacking.pack(
                    student,
                    StudentPacking.Options.of(precision)
                        .withMaxTableBytes(table)
                        .withUsed(bag ? null : used),
                    control.threads(),
                    out.resolve(name))
                .commit());
    return name;
  }

  /** Measures a trained student in every precision. */
  List<Form> forms(String name, StudentRecipe recipe, String model) throws Exception {
    List<Form> forms = new ArrayList<>();
    for (Precision precision : Precision.values()) {
      forms.add(form(name, recipe, precision, pack(model, precision)));
    }
    return forms;
  }

  private Form form(String name, StudentRecipe recipe, Precision precision, String packed)
      throws Exception {
    Path model = out.resolve(packed);
    String file = "scores/fit-" + packed.substring(packed.indexOf('/') + 1) + ".json";
    Path path = out.resolve(file);
    stages.run(
        file,
        List.of(ModelDirectory.read(model).fingerprint(), dev.hash()),
        false,
        () -> {
          Files.createDirectories(path.getParent());
          AtomicFiles.write(path, Json.write(measure(model)));
        });
    Map<String, Object> measured = Json.readObject(path);
    double median = ((Number) measured.get("median_micros")).doubleValue();
    double p99 = ((Number) measured.get("p99_micros")).doubleValue();
    long bytes = Files.size(model.resolve("model.safetensors"));
    return new Form(
        name,
        recipe,
        precision,
        ((Number) measured.get("accuracy")).doubleValue(),
        median,
        p99,
        bytes,
        budget.excess(median, p99, bytes) <= 1);
  }

  private Map<String, Object> measure(Path model) {
    double median = Double.POSITIVE_INFINITY;
    double p99 = Double.POSITIVE_INFINITY;
    double accuracy = 0;
    try (TextClassifier loaded = Models.load(model)) {
      for (int round = 0; round < ROUNDS; round++) {
        Scores scores = Evaluation.scores(loaded, dev, control.withThreads(1));
        median = Math.min(median, scores.medianMicros());
        p99 = Math.min(p99, scores.slowMicros());
        accuracy = scores.result("dev", dev).report().accuracy();
      }
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("accuracy", accuracy);
    map.put("median_micros", median);
    map.put("p99_micros", p99);
    return map;
  }

  /**
   * The most accurate form on dev that fits, of equal ones the smallest.
   *
   * @throws InvalidInputException where none fits, naming the nearest
   */
  Form best(List<Form> forms) {
    return forms.stream()
        .filter(Form::fits)
        .max(
            Comparator.comparingDouble(Form::devAccuracy)
                .thenComparing(Comparator.comparingLong(Form::bytes).reversed()))
        .orElseThrow(() -> nothingFits(forms));
  }

  private InvalidInputException nothingFits(List<Form> forms) {
    Form nearest =
        forms.stream()
            .min(
                Comparator.comparingDouble(
                    form -> budget.excess(form.medianMicros(), form.p99Micros(), form.bytes())))
            .orElseThrow();
    return new InvalidInputException(
        "none of "
            + forms.size()
            + " forms of students fits "
            + budget
            + "; the nearest: "
            + nearest.line().replaceAll(" +", " ")
            + " ("
            + nearest.recipe()
            + ")");
  }

  /** The forms that no other one beats or equals in all of accuracy, time and size. */
  static List<Form> front(List<Form> forms) {
    return forms.stream()
        .filter(
            form ->
                forms.stream()
                    .noneMatch(
                        other ->
                            other != form
                                && other.devAccuracy() >= form.devAccuracy()
                                && other.p99Micros() <= form.p99Micros()
                                && other.bytes() <= form.bytes()))
        .sorted(Comparator.comparingLong(Form::bytes))
        .toList();
  }
}
