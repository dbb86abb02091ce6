package maque.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.StorageException;
import maque.runtime.Student;
import maque.runtime.Tensor;

/**
 * One student whose every weight is the mean of several students': a uniform "model soup" (Wortsman
 * et al., 2022, arXiv 2203.05482). It costs what one of them costs. Students whose weights began
 * apart have nothing in common that a mean could keep; so all must have gone on from one student
 * ({@link StudentTraining.Inputs#withStart}), which may itself be one of them.
 *
 * <p>The same students give the same bytes, in whatever order they are named. The record has their
 * fingerprints and that of their start, and no options, for nothing was trained.
 */
public final class StudentAverage {
  /** The name of this stage in progress reports and in the record. */
  public static final String STAGE = "average";

  private final List<Path> students;
  private final DataSet dev;
  private final Path out;
  private final RunControl control;
  private final Map<String, Path> byFingerprint = new TreeMap<>();
  private final Map<Path, Double> devAccuracies = new HashMap<>();
  private String start;

  /**
   * What was made.
   *
   * @param model its directory
   * @param devAccuracy its accuracy on dev; NaN where there is none
   * @param parents the students' own, in the order in which they were given; none without dev
   */
  public record Result(Path model, double devAccuracy, List<Double> parents) {
    public Result {
      parents = List.copyOf(parents);
    }
  }

  private StudentAverage(List<Path> students, DataSet dev, Path out, RunControl control) {
    this.students = List.copyOf(students);
    this.dev = dev;
    this.out = out;
    this.control = control;
  }

  /**
   * Writes the mean.
   *
   * @param students two or more different ones of one start, kind, geometry, vocabulary and classes
   * @param dev labelled texts to measure the mean and its parents on and to fit its temperature by;
   *     null: none of this is done
   * @param out the model directory to write
   * @throws CancelledException where the token was set; nothing is written then
   * @throws InvalidInputException naming the student that does not fit the others and why, or where
   *     something that is no model stands at {@code out}
   */
  public static Result write(List<Path> students, DataSet dev, Path out, RunControl control) {
    ModelDirectory.write(out).requireReplaceable();
    return new StudentAverage(students, dev, out, control).run();
  }

  private Result run() {
    if (students.size() < 2) {
      throw new InvalidInputException("an average takes two students or more");
    }
    ModelDirectory first = check();
    requireDevFits(first);
    ModelDirectory.Writer writer =
        ModelDirectory.write(out).vocab(first.vocab()).labels(first.labels());
    Map<String, Object> config = new LinkedHashMap<>(first.config());
    config.remove(TemperatureFit.KEY);
    Map<String, Tensor> mean = mean();
    Map<String, Object> training = record(mean);
    double accuracy = Double.NaN;
    if (dev != null) {
      accuracy = measure(first, config, mean, training);
    }
    writer.config(config).nativeTensors(mean).training(training).commit();
    List<Double> parents =
        dev == null ? List.of() : students.stream().map(devAccuracies::get).toList();
    return new Result(out, accuracy, parents);
  }

  /** Reads all once, each alone in memory; returns the first. */
  private ModelDirectory check() {
    ModelDirectory first = null;
    List<String> starts = new ArrayList<>();
    List<String> fingerprints = new ArrayList<>();
    for (Path path : students) {
      ModelDirectory model = ModelDirectory.read(path);
      requireTrained(model);
      first = first == null ? model : first;
      ModelIo.requireAlike(model, first.config(), first.vocab(), first.path().toString());
      Path twin = byFingerprint.put(model.fingerprint(), path);
      if (twin != null) {
        throw new InvalidInputException(path + " is the same model as " + twin);
      }
      fingerprints.add(model.fingerprint());
      starts.add(startOf(model));
    }
    start = commonStart(fingerprints, starts);
    return first;
  }

  private static void requireTrained(ModelDirectory model) {
    if (model.modelType().equals("bert")) {
      throw new InvalidInputException(model.path() + " is a teacher; students are averaged");
    }
    if (model.isServingForm()) {
      throw new InvalidInputException(
          model.path() + " is packed: what was packed is averaged, and then packed");
    }
  }

  private static String startOf(ModelDirectory model) {
    return model.training().get("inputs") instanceof Map<?, ?> inputs
            && inputs.get("start") instanceof String start
        ? start
        : "";
  }

  /** The fingerprint of the student that each has gone on from, or is. */
  private String commonStart(List<String> fingerprints, List<String> starts) {
    String common = "";
    List<Integer> strangers = List.of(0);
    for (String each : new LinkedHashSet<>(starts)) {
      List<Integer> apart = new ArrayList<>();
      for (int i = 0; i < starts.size(); i++) {
        if (!starts.get(i).equals(each) && !fingerprints.get(i).equals(each)) {
          apart.add(i);
        }
      }
      if (!each.isEmpty() && (common.isEmpty() || apart.size() < strangers.size())) {
        common = each;
        strangers = apart;
      }
    }
    if (!strangers.isEmpty()) {
      throw new InvalidInputException(
          students.get(strangers.get(0))
              + " did not go on from the student that the others went on from (train-student"
              + " --start): of students that began apart the mean is no student");
    }
    return common;
  }

  /** By fingerprint, one student in memory at a time, since the last bit may hang on the order. */
  private Map<String, Tensor> mean() {
    Map<String, double[]> sums = new LinkedHashMap<>();
    Map<String, Tensor> shapes = new LinkedHashMap<>();
    int done = 0;
    for (Path path : byFingerprint.values()) {
      stopIfAsked();
      ModelDirectory model = ModelDirectory.read(path);
      model
          .nativeTensors()
          .forEach(
              (name, tensor) -> {
                float[] values = ModelIo.finite(model, tensor);
                double[] sum = sums.computeIfAbsent(name, absent -> new double[values.length]);
                for (int i = 0; i < values.length; i++) {
                  sum[i] += values[i];
                }
                shapes.putIfAbsent(name, tensor);
              });
      if (dev != null) {
        devAccuracies.put(path, accuracy(logits(model)));
      }
      control.progress(STAGE, ++done, students.size(), "");
    }
    Map<String, Tensor> mean = new LinkedHashMap<>();
    sums.forEach(
        (name, sum) -> {
          float[] values = new float[sum.length];
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) (sum[i] / students.size());
          }
          mean.put(name, Tensor.of(name, shapes.get(name).shape(), values));
        });
    return mean;
  }

  private Map<String, Object> record(Map<String, Tensor> mean) {
    Map<String, Object> inputs = new LinkedHashMap<>();
    inputs.put("start", start);
    inputs.put("parents", List.copyOf(byFingerprint.keySet()));
    Map<String, Object> training = new LinkedHashMap<>();
    training.put("stage", STAGE);
    training.put("inputs", inputs);
    training.put(
        "parameters", mean.values().stream().mapToLong(tensor -> tensor.floats().length).sum());
    if (dev != null) {
      Map<String, Object> data = new LinkedHashMap<>();
      data.put("name", dev.name());
      data.put("examples", (long) dev.size());
      data.put("sha256", dev.hash());
      inputs.put("dev", data);
    }
    return training;
  }

  /** Answers to dev by a draft of the model; fills in temperature and figures. */
  private double measure(
      ModelDirectory like,
      Map<String, Object> config,
      Map<String, Tensor> mean,
      Map<String, Object> training) {
    Path draft = out.resolveSibling("." + out.getFileName() + ".draft");
    float[][] logits;
    try {
      ModelDirectory.write(draft)
          .config(config)
          .nativeTensors(mean)
          .vocab(like.vocab())
          .labels(like.labels())
          .commitFile();
      logits = logits(ModelDirectory.read(draft));
    } finally {
      delete(draft);
    }
    TemperatureFit fit = TemperatureFit.of(logits, dev.labelIndexes());
    config.put(TemperatureFit.KEY, fit.fitted().temperature());
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("examples", (long) dev.size());
    figures.put("sha256", dev.hash());
    figures.put("accuracy", accuracy(logits));
    figures.put("macro_f1", report(logits).macroAverage().f1());
    training.put("metrics", Map.of("dev", figures));
    training.put("calibration", fit.toMap("dev"));
    return accuracy(logits);
  }

  private static void delete(Path draft) {
    try {
      Files.deleteIfExists(draft);
    } catch (IOException e) {
      throw new StorageException(draft + " cannot be removed: " + e.getMessage(), e);
    }
  }

  private void requireDevFits(ModelDirectory model) {
    if (dev == null) {
      return;
    }
    if (!model.labels().equals(dev.labels())) {
      throw new InvalidInputException(
          dev.name() + " has classes " + dev.labels() + ", " + model.path() + " " + model.labels());
    }
    if (dev.size() == 0 || Arrays.stream(dev.counts()).sum() < dev.size()) {
      throw new InvalidInputException(dev.name() + ": every text needs a label to measure by");
    }
  }

  private float[][] logits(ModelDirectory model) {
    try (Student student = Student.of(model)) {
      return Evaluation.logits(student, dev, control);
    }
  }

  private ClassificationReport report(float[][] logits) {
    int[] predicted = new int[logits.length];
    for (int i = 0; i < predicted.length; i++) {
      predicted[i] = Objective.argmax(logits[i], 0, logits[i].length);
    }
    return ClassificationReport.of(dev.labelIndexes(), predicted, dev.labels());
  }

  private double accuracy(float[][] logits) {
    return report(logits).accuracy();
  }

  private void stopIfAsked() {
    if (control.token().isCancelled()) {
      throw new CancelledException("stopped; nothing was written");
    }
  }
}
