package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.Predictor;
import maque.runtime.Student;
import maque.runtime.Teacher;
import maque.runtime.TextClassifier;
import maque.training.Evaluation;

/** Classifiers of either kind, and their results as the article prints them. */
final class Models {
  private static final long WARM_UP_NANOS = 300_000_000;
  private static final int WARM_UP_CALLS = 2_000;

  private Models() {}

  /** Loads a teacher or a student, whichever the directory holds. */
  static TextClassifier load(Path directory) {
    return load(ModelDirectory.read(directory));
  }

  /** As {@link #load(Path)}, of a directory that has been read. */
  static TextClassifier load(ModelDirectory model) {
    return model.modelType().equals("bert") ? Teacher.of(model) : Student.of(model);
  }

  /** Predicts until the JVM has compiled what that takes, or for 0.3 s. */
  static void warmUp(Predictor model, String text) {
    long end = System.nanoTime() + WARM_UP_NANOS;
    for (int i = 0; i < WARM_UP_CALLS && System.nanoTime() < end; i++) {
      model.predict(text);
    }
  }

  /**
   * Per class precision, recall, F1 and support; accuracy and averages; running time on that many
   * threads; time of one text.
   */
  static String table(Evaluation.Result result, int threads) {
    return String.format(
        Locale.ROOT,
        "%s (%,d parameters)%n%s%nrunning time: %s for %,d texts on %s; one text alone on one"
            + " thread: median %s, 99 %% within %s%n",
        result.name(),
        result.parameters(),
        result.report().text(),
        Durations.ofSeconds(result.seconds()),
        result.report().total(),
        threads == 1 ? "one thread" : threads + " threads",
        Durations.ofMicros(result.medianMicros()),
        Durations.ofMicros(result.slowMicros()));
  }

  /** A line a model; speed and agreement are against the first. */
  static String summary(List<Evaluation.Result> results) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            "%-52s %8s %8s %9s %13s %10s %8s",
            "", "accuracy", "macro F1", "agreement", "parameters", "one text", "speed"));
    Evaluation.Result first = results.get(0);
    for (Evaluation.Result result : results) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%-52s %8.4f %8.4f %9.4f %,13d %10s %7.1fx",
              result.name(),
              result.report().accuracy(),
              result.report().macroAverage().f1(),
              first.agreement(result),
              result.parameters(),
              Durations.ofMicros(result.medianMicros()),
              first.medianMicros() / result.medianMicros()));
    }
    return String.join(System.lineSeparator(), lines);
  }

  /** Everything as JSON values. */
  static Map<String, Object> toMap(Evaluation.Result result, int threads) {
    Map<String, Object> classes = new LinkedHashMap<>();
    List<String> labels = result.report().labels();
    for (int i = 0; i < labels.size(); i++) {
      classes.put(labels.get(i), toMap(result.report().row(i)));
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("model", result.name());
    map.put("parameters", result.parameters());
    map.put("texts", (long) result.report().total());
    map.put("accuracy", result.report().accuracy());
    map.put("macro_average", toMap(result.report().macroAverage()));
    map.put("weighted_average", toMap(result.report().weightedAverage()));
    map.put("classes", classes);
    map.put("threads", (long) threads);
    map.put("seconds", result.seconds());
    map.put("median_micros", result.medianMicros());
    map.put("p99_micros", result.slowMicros());
    return map;
  }

  private static Map<String, Object> toMap(maque.training.ClassificationReport.Row row) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("precision", row.precision());
    map.put("recall", row.recall());
    map.put("f1", row.f1());
    map.put("support", (long) row.support());
    return map;
  }
}
