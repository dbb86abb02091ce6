package maque.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.Json;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs JMH. */
final class Measurement {
  // -Xss: ONNX Runtime 1.29 runs a recursive regular expression over the command line, and a class
  // path is long.
  private static final List<String> JVM =
      List.of(
          "-Xmx4g",
          "-Xss16m",
          "-XX:+UseSerialGC",
          "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
          "-Dorg.bytedeco.javacpp.maxBytes=0",
          "-Dorg.bytedeco.javacpp.nopointergc=true");

  /** Of a piece of work that takes seconds; all else has more, and shorter, rounds. */
  private static final int FEW = 3;

  private static final int MANY = 5;

  private final boolean quick;

  private Measurement(boolean quick) {
    this.quick = quick;
  }

  /** One short turn for each contender. */
  static Measurement quick() {
    return new Measurement(true);
  }

  /** Turns enough that a disturbed one does not move the median. */
  static Measurement whole() {
    return new Measurement(false);
  }

  /** For the record. */
  String described() {
    return quick ? "1, short" : MANY + "; " + FEW + " where a turn takes 2 s or more";
  }

  private int rounds(Task task) {
    return quick ? 1 : task.seconds() < 2 ? MANY : FEW;
  }

  /** The share of a task's own time that a turn takes. */
  private double share(Task task) {
    return quick ? 0.7 : (double) FEW / rounds(task);
  }

  /**
   * What was found.
   *
   * @param figures of those who ran
   * @param absent why the others did not
   */
  record Outcome(Map<String, Figures> figures, Map<String, String> absent) {}

  /** Figures of some of a task's contenders. Where their JVM dies, each gets one of its own. */
  Outcome run(Task task, List<String> contenders) {
    Map<String, Figures> figures = new LinkedHashMap<>();
    Map<String, String> absent = new LinkedHashMap<>();
    try {
      together(task, contenders, figures, absent);
    } catch (RunnerException e) {
      figures.clear();
      absent.clear();
      for (String contender : contenders) {
        try {
          together(task, List.of(contender), figures, absent);
        } catch (RunnerException alone) {
          absent.put(contender, "its process failed: " + alone.getMessage());
        }
      }
    }
    return new Outcome(figures, absent);
  }

  private void together(
      Task task, List<String> contenders, Map<String, Figures> figures, Map<String, String> absent)
      throws RunnerException {
    Path file = temporary();
    try {
      int milliseconds = (int) Math.max(200, 1000 * task.seconds() * share(task));
      ChainedOptionsBuilder options =
          options(ContenderBenchmark.class, file)
              .param("task", task.name())
              .param("contenders", String.join(",", contenders))
              .param("settle", "" + milliseconds / 4)
              .warmupIterations(1)
              .warmupTime(TimeValue.milliseconds(Math.min(500, milliseconds)))
              .measurementIterations(rounds(task) * contenders.size())
              .measurementTime(TimeValue.milliseconds(milliseconds));
      List<IterationResult> iterations = iterations(new Runner(options.build()).runSingle());
      Map<String, Object> missing = Json.readObject(file);
      missing.forEach((contender, reason) -> absent.put(contender, (String) reason));
      for (int i = 0; i < iterations.size(); i++) {
        String contender = contenders.get(i % contenders.size());
        if (!missing.containsKey(contender)) {
          figures
              .computeIfAbsent(contender, k -> new Figures())
              .add(iterations.get(i).getPrimaryResult().getStatistics());
        }
      }
    } finally {
      delete(file);
    }
  }

  /** Bytes of Java heap that one piece of a contender's work allocates, by JMH's profiler. */
  static double allocation(Task task, String contender) throws RunnerException {
    Path file = temporary();
    try {
      RunResult result =
          new Runner(
                  options(ContenderBenchmark.class, file)
                      .param("task", task.name())
                      .param("contenders", contender)
                      .param("settle", "0")
                      .mode(Mode.AverageTime)
                      .warmupIterations(2)
                      .warmupTime(TimeValue.seconds(1))
                      .measurementIterations(1)
                      .measurementTime(TimeValue.seconds(1))
                      .addProfiler(GCProfiler.class)
                      .build())
              .runSingle();
      for (Map.Entry<String, ?> entry : result.getSecondaryResults().entrySet()) {
        if (entry.getKey().endsWith("gc.alloc.rate.norm")) {
          return ((Result<?>) entry.getValue()).getScore();
        }
      }
      throw new IllegalStateException("JMH's profiler says nothing of allocation");
    } finally {
      delete(file);
    }
  }

  /** Nanoseconds of a call into native code that does nothing. */
  static double emptyCall() throws RunnerException {
    Path file = temporary();
    try {
      return new Runner(
              options(ContenderBenchmark.Empty.class, file)
                  .warmupIterations(1)
                  .warmupTime(TimeValue.seconds(1))
                  .measurementIterations(3)
                  .measurementTime(TimeValue.milliseconds(500))
                  .build())
          .runSingle()
          .getPrimaryResult()
          .getStatistics()
          .getMin();
    } finally {
      delete(file);
    }
  }

  /** Predictions a second of some caller threads together. */
  static double throughput(String model, int callers, String cpus) throws RunnerException {
    Path file = temporary();
    try {
      return new Runner(
              options(CallersBenchmark.class, file)
                  .param("model", model)
                  .param("cpus", cpus)
                  .threads(callers)
                  .warmupIterations(1)
                  .warmupTime(TimeValue.milliseconds(700))
                  .measurementIterations(3)
                  .measurementTime(TimeValue.milliseconds(400))
                  .build())
          .runSingle()
          .getPrimaryResult()
          .getStatistics()
          .getMax();
    } finally {
      delete(file);
    }
  }

  /**
   * The best times of a {@link Threads.Spread}, in seconds: on one thread, on two.
   *
   * @param rounds turns of each, short ones
   */
  static double[] threads(String work, String contender, String cpus, int rounds)
      throws RunnerException {
    Path file = temporary();
    try {
      List<IterationResult> iterations =
          iterations(
              new Runner(
                      options(ThreadsBenchmark.class, file)
                          .param("work", work)
                          .param("contender", contender)
                          .param("cpus", cpus)
                          .warmupIterations(1)
                          .warmupTime(TimeValue.milliseconds(100))
                          .measurementIterations(2 * rounds)
                          .measurementTime(TimeValue.milliseconds(300))
                          .build())
                  .runSingle());
      double[] best = {Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY};
      for (int i = 0; i < iterations.size(); i++) {
        double micros = iterations.get(i).getPrimaryResult().getStatistics().getMin();
        best[i % 2] = Math.min(best[i % 2], micros * 1e-6);
      }
      return best;
    } finally {
      delete(file);
    }
  }

  private static List<IterationResult> iterations(RunResult run) {
    List<IterationResult> all = new ArrayList<>();
    for (BenchmarkResult fork : run.getBenchmarkResults()) {
      all.addAll(fork.getIterationResults());
    }
    return all;
  }

  private static ChainedOptionsBuilder options(Class<?> benchmark, Path absent) {
    String name = benchmark.getName().replace('$', '.') + ".run";
    return new OptionsBuilder()
        .include("^" + name.replace(".", "\\.") + "$")
        .forks(1)
        .threads(1)
        .shouldFailOnError(true)
        .timeout(TimeValue.minutes(2))
        .verbosity(VerboseMode.SILENT)
        .jvmArgs(jvm(absent).toArray(new String[0]));
  }

  /** What every JVM of the suite is started with. */
  static List<String> jvm(Path absent) {
    List<String> all = new ArrayList<>(JVM);
    all.add("-D" + Material.DIRECTORY + "=" + System.getProperty(Material.DIRECTORY));
    all.add("-D" + Material.TEXTS + "=" + System.getProperty(Material.TEXTS));
    all.add("-D" + ContenderBenchmark.ABSENT + "=" + absent);
    return all;
  }

  private static Path temporary() {
    try {
      return Files.createTempFile("maque-benchmarks", ".json");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
