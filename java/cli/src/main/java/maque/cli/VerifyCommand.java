package maque.cli;

import java.nio.file.Files;
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
import maque.training.ClassificationReport;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.RunControl;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque verify}. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description = {
      "Scores a model again and compares with what its record says of the same texts, which are"
          + " known by their hash. DIR is a model, whose training.json holds what dev and, of a"
          + " student that distil serves, test said; or a folder of distil, all of whose models are"
          + " looked at.",
      "",
      "Exit code 1 where a figure differs by more than --tolerance."
    },
    footer = {"", "Example:", "  maque verify run/student --data test.json"})
final class VerifyCommand implements Callable<Integer> {
  private static final double PACKED_TOLERANCE = 0.01;
  private static final double ROUNDING = 1e-12;

  @ParentCommand private Main main;
  @Mixin private DataFlags data;
  @Mixin private Threads threads;

  @Parameters(paramLabel = "DIR", description = "A model, or a folder that distil made.")
  private Path directory;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "The labelled texts that the record speaks of.")
  private Path file;

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      description =
          "How far accuracy and macro F1 may be off, 0..1 (default: 0 for a model as it was"
              + " trained, the same bits on every machine; 0.01 for one in a packed form or"
              + " trained in bf16).")
  private Double tolerance;

  @Option(names = "--json", description = "One JSON object instead of text.")
  private boolean json;

  /**
   * Figures of one model on one file.
   *
   * @param accuracy as recorded
   * @param f1 macro average, as recorded; null where it is not
   */
  private record Recorded(String name, Path model, double accuracy, Double f1) {}

  @Override
  public Integer call() throws Exception {
    Usage.require(
        tolerance == null || tolerance >= 0 && tolerance <= 1, "--tolerance must be 0..1");
    return Work.run(main.console(), threads.count(), main.commandLine(), this::verify);
  }

  private int verify(RunControl control) {
    List<Recorded> records =
        Files.exists(directory.resolve("summary.json")) ? ofExperiment() : ofModel();
    List<Object> results = new ArrayList<>();
    boolean same = true;
    for (Recorded recorded : records) {
      Map<String, Object> found = compare(recorded, control);
      same &= Boolean.TRUE.equals(found.get("same"));
      results.add(found);
    }
    if (json) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("same", same);
      map.put("models", results);
      main.console().result(Json.line(map));
    } else {
      main.console().result(same ? "verified" : "NOT as recorded");
    }
    return same ? 0 : 1;
  }

  /** Whether the model answers, or was measured in training, in less than fp32. */
  private static boolean isRounded(ModelDirectory model) {
    boolean measured =
        model.training().get("options") instanceof Map<?, ?> options
            && "bf16".equals(options.get("precision"));
    return measured || model.config().containsKey("precision");
  }

  private Map<String, Object> compare(Recorded recorded, RunControl control) {
    ModelDirectory model = ModelDirectory.read(recorded.model());
    double allowed = tolerance != null ? tolerance : isRounded(model) ? PACKED_TOLERANCE : 0;
    ClassificationReport report;
    try (TextClassifier loaded = Models.load(recorded.model())) {
      DataSet texts = dataFor(model);
      int[] predicted = new int[texts.size()];
      float[][] logits = Evaluation.logits(loaded, texts, control);
      for (int i = 0; i < predicted.length; i++) {
        predicted[i] = best(logits[i]);
      }
      report = ClassificationReport.of(texts.labelIndexes(), predicted, texts.labels());
    }
    double f1 = report.macroAverage().f1();
    boolean same =
        Math.abs(report.accuracy() - recorded.accuracy()) <= allowed + ROUNDING
            && (recorded.f1() == null || Math.abs(f1 - recorded.f1()) <= allowed + ROUNDING);
    if (!json) {
      main.console()
          .result(
              String.format(
                  Locale.ROOT,
                  "%s: accuracy %.6f recorded, %.6f found%s: %s",
                  recorded.name(),
                  recorded.accuracy(),
                  report.accuracy(),
                  recorded.f1() == null
                      ? ""
                      : String.format(Locale.ROOT, "; macro F1 %.6f, %.6f", recorded.f1(), f1),
                  same ? "the same within " + allowed : "DIFFERS by more than " + allowed));
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("model", recorded.model().toString());
    map.put("recorded_accuracy", recorded.accuracy());
    map.put("found_accuracy", report.accuracy());
    if (recorded.f1() != null) {
      map.put("recorded_macro_f1", recorded.f1());
    }
    map.put("found_macro_f1", f1);
    map.put("tolerance", allowed);
    map.put("same", same);
    return map;
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int c = 1; c < logits.length; c++) {
      best = logits[c] > logits[best] ? c : best;
    }
    return best;
  }

  /** The texts, or the part of them that training held back for dev, whichever is recorded. */
  private DataSet dataFor(ModelDirectory model) {
    DataSet all = data.labelled(file, model.labels());
    Map<?, ?> metrics = map(model.training().get("metrics"));
    boolean whole = metrics.values().stream().anyMatch(each -> all.hash().equals(hash(each)));
    if (whole || metrics.isEmpty() || all.size() < 2) {
      return all;
    }
    Map<?, ?> options = map(model.training().get("options"));
    if (options.get("dev_fraction") instanceof Number fraction
        && fraction.doubleValue() > 0
        && options.get("seed") instanceof Number seed) {
      DataSet dev = all.split(fraction.doubleValue(), seed.longValue()).dev();
      if (metrics.values().stream().anyMatch(each -> dev.hash().equals(hash(each)))) {
        return dev;
      }
    }
    return all;
  }

  private List<Recorded> ofModel() {
    ModelDirectory model = ModelDirectory.read(directory);
    Map<?, ?> metrics = map(model.training().get("metrics"));
    if (metrics.isEmpty()) {
      throw new InvalidInputException(
          directory + ": training.json records no figures on labelled texts to verify");
    }
    String hash = dataFor(model).hash();
    List<Recorded> records = new ArrayList<>();
    metrics.forEach(
        (name, value) -> {
          if (hash.equals(hash(value))) {
            Map<?, ?> figures = map(value);
            records.add(
                new Recorded(
                    name + " of " + directory,
                    directory,
                    number(figures, "accuracy"),
                    figures.containsKey("macro_f1") ? number(figures, "macro_f1") : null));
          }
        });
    return required(records, hash);
  }

  private List<Recorded> ofExperiment() {
    Path file = directory.resolve("summary.json");
    Map<String, Object> summary = Json.readObject(file);
    List<Recorded> records = new ArrayList<>();
    String hash = "";
    for (Object way : summary.values()) {
      if (!(map(way).get("runs") instanceof List<?> runs)) {
        continue;
      }
      for (Object each : runs) {
        Map<?, ?> run = map(each);
        Path model = directory.resolve(String.valueOf(run.get("model")));
        hash = data.labelled(this.file, ModelDirectory.read(model).labels()).hash();
        boolean test =
            run.containsKey("accuracy") // a first stage's students have none
                && hash.equals(hash(map(summary.get("data")).get("test")));
        boolean dev = hash.equals(hash(map(summary.get("data")).get("dev")));
        if (test || dev) {
          records.add(
              new Recorded(
                  (test ? "test of " : "dev of ") + model,
                  model,
                  number(run, test ? "accuracy" : "dev_accuracy"),
                  test ? number(run, "macro_f1") : null));
        }
      }
    }
    return required(records, hash);
  }

  private List<Recorded> required(List<Recorded> records, String hash) {
    if (records.isEmpty()) {
      throw new InvalidInputException(
          file
              + " is not what the record of "
              + directory
              + " speaks of: no figures for texts with SHA-256 "
              + hash);
    }
    return records;
  }

  private double number(Map<?, ?> figures, String name) {
    if (figures.get(name) instanceof Number number) {
      return number.doubleValue();
    }
    throw new InvalidInputException(directory + ": the record has no number '" + name + "'");
  }

  private static Map<?, ?> map(Object value) {
    return value instanceof Map<?, ?> map ? map : Map.of();
  }

  private static String hash(Object entry) {
    return String.valueOf(map(entry).get("sha256"));
  }
}
