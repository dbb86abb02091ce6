package maque.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import maque.runtime.Json;
import maque.runtime.Maque;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import org.openjdk.jmh.util.Statistics;

/**
 * Runs every task with every contender in turn, several rounds, and prints a table. The figure of a
 * contender is the median of its rounds' median times; the ratio is the fastest peer's figure by
 * Maque's, above 1 where Maque is faster.
 *
 * <p>Arguments: {@code [--quick] [--json FILE] [task...]}.
 */
public final class Compare {
  private static final int ROUNDS = 3;
  // -Xss: ONNX Runtime 1.29 runs a recursive regular expression over the command line, and a class
  // path is long.
  private static final String[] JVM = {
    "-Xmx4g",
    "-Xss16m",
    "-XX:+UseSerialGC",
    "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
    "-Dorg.bytedeco.javacpp.maxBytes=0",
    "-Dorg.bytedeco.javacpp.nopointergc=true"
  };

  private final boolean quick;
  private final PrintStream out;

  /** Median and 99th percentile times in microseconds, one for each round. */
  private record Figures(List<Double> p50, List<Double> p99) {
    Figures() {
      this(new ArrayList<>(), new ArrayList<>());
    }

    static double median(List<Double> values) {
      return values.stream().sorted().toList().get((values.size() - 1) / 2);
    }
  }

  private Compare(boolean quick, PrintStream out) {
    this.quick = quick;
    this.out = out;
  }

  public static void main(String[] arguments) throws RunnerException, IOException {
    List<String> tasks = new ArrayList<>();
    Path json = null;
    boolean quick = false;
    for (int i = 0; i < arguments.length; i++) {
      switch (arguments[i]) {
        case "--quick" -> quick = true;
        case "--json" -> json = Path.of(arguments[++i]);
        default -> tasks.add(Task.of(arguments[i]).name());
      }
    }
    Material.prepare();
    new Compare(quick, System.out).run(tasks, json);
  }

  private void run(List<String> names, Path json) throws RunnerException, IOException {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("environment", environment());
    report.put("empty_call_ns", emptyCall());
    List<Object> rows = new ArrayList<>();
    StringBuilder table = new StringBuilder(header(report));
    for (Task task : Task.ALL) {
      if (names.isEmpty() || names.contains(task.name())) {
        Map<String, Figures> figures = measure(task);
        rows.add(row(task, figures));
        String line = line(task, figures);
        table.append(line);
        out.print(line);
      }
    }
    report.put("tasks", rows);
    out.println();
    out.print(table);
    if (json != null) {
      Files.write(json, Json.write(report));
      String name = json.getFileName().toString().replaceFirst("\\.json$", "");
      Files.writeString(json.resolveSibling(name + ".md"), table);
    }
  }

  private Map<String, Figures> measure(Task task) throws RunnerException {
    Map<String, Figures> figures = new LinkedHashMap<>();
    for (int round = 0; round < (quick ? 1 : ROUNDS); round++) {
      for (String contender : task.contenders()) {
        Figures mine = figures.computeIfAbsent(contender, k -> new Figures());
        Statistics statistics = run(task, contender);
        mine.p50.add(statistics.getPercentile(50));
        mine.p99.add(statistics.getPercentile(99));
        out.printf(
            Locale.ROOT,
            "  %s, %s: p50 %s, p99 %s, n %d%n",
            task.name(),
            contender,
            time(statistics.getPercentile(50)),
            time(statistics.getPercentile(99)),
            statistics.getN());
      }
    }
    return figures;
  }

  private Statistics run(Task task, String contender) throws RunnerException {
    int seconds = quick ? Math.max(1, task.seconds() / 2) : task.seconds();
    return only(
        options(ContenderBenchmark.class.getName() + ".run", seconds)
            .param("task", task.name())
            .param("contender", contender));
  }

  private double emptyCall() throws RunnerException {
    return only(options(ContenderBenchmark.Empty.class.getName().replace('$', '.') + ".run", 1))
        .getMean();
  }

  private static ChainedOptionsBuilder options(String include, int seconds) {
    String[] jvm = Arrays.copyOf(JVM, JVM.length + 2);
    jvm[JVM.length] = "-D" + Material.DIRECTORY + "=" + System.getProperty(Material.DIRECTORY);
    jvm[JVM.length + 1] = "-D" + Material.TEXTS + "=" + System.getProperty(Material.TEXTS);
    return new OptionsBuilder()
        .include("^" + include.replace(".", "\\.") + "$")
        .forks(1)
        .threads(1)
        .warmupIterations(1)
        .warmupTime(TimeValue.seconds(Math.max(1, seconds / 2)))
        .measurementIterations(1)
        .measurementTime(TimeValue.seconds(seconds))
        .shouldFailOnError(true)
        .verbosity(VerboseMode.SILENT)
        .jvmArgs(jvm);
  }

  private static Statistics only(ChainedOptionsBuilder options) throws RunnerException {
    RunResult result = new Runner(options.build()).runSingle();
    return result.getPrimaryResult().getStatistics();
  }

  private static double ratio(Map<String, Figures> figures) {
    double peer =
        figures.entrySet().stream()
            .filter(entry -> !entry.getKey().equals("maque"))
            .mapToDouble(entry -> Figures.median(entry.getValue().p50))
            .min()
            .orElseThrow();
    return peer / Figures.median(figures.get("maque").p50);
  }

  private static Map<String, Object> row(Task task, Map<String, Figures> figures) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("task", task.name());
    row.put("what", task.what());
    row.put("texts", (long) task.texts());
    row.put("ratio", ratio(figures));
    figures.forEach(
        (name, times) -> row.put(name, Map.of("p50_us", times.p50, "p99_us", times.p99)));
    return row;
  }

  private static String line(Task task, Map<String, Figures> figures) {
    StringBuilder line = new StringBuilder("| ").append(task.what()).append(" |");
    for (String contender :
        List.of("maque", Ort.NAME, Torch.NAME, Torch.WITHOUT_ONEDNN, TokenizerWork.HUGGING_FACE)) {
      Figures times = figures.get(contender);
      line.append(' ').append(times == null ? "" : time(Figures.median(times.p50))).append(" |");
    }
    return line.append(String.format(Locale.ROOT, " **%.2f** |%n", ratio(figures))).toString();
  }

  private static String header(Map<String, Object> report) {
    StringBuilder header = new StringBuilder();
    ((Map<?, ?>) report.get("environment"))
        .forEach((key, value) -> header.append(key).append(": ").append(value).append('\n'));
    header.append(
        String.format(
            Locale.ROOT,
            "empty call into native code: %.0f ns%n%n",
            (Double) report.get("empty_call_ns")));
    header.append(
        "Median times; ratio: the fastest peer's time by Maque's (above 1: Maque is faster).\n\n");
    header.append(
        "| work | Maque | ONNX Runtime | LibTorch | LibTorch without oneDNN | Hugging Face"
            + " tokenizers | ratio |\n");
    return header.append("|---|---|---|---|---|---|---|\n").toString();
  }

  private static String time(double microseconds) {
    if (microseconds < 1000) {
      return String.format(Locale.ROOT, "%.1f µs", microseconds);
    }
    return String.format(Locale.ROOT, "%.2f ms", microseconds / 1000);
  }

  private Map<String, Object> environment() throws IOException {
    Map<String, Object> environment = new LinkedHashMap<>();
    Maque.Info info = Maque.info();
    List<String> cpu = Files.readAllLines(Path.of("/proc/cpuinfo"));
    environment.put(
        "cpu",
        field(cpu, "model name")
            + ", family "
            + field(cpu, "cpu family")
            + ", model "
            + field(cpu, "model"));
    environment.put("isa", info.isa());
    environment.put("cpu_features", info.cpuFeatures());
    environment.put("maque", info.version());
    environment.put("onnxruntime", Ort.ENVIRONMENT.getVersion());
    environment.put("libtorch", jarVersion("pytorch"));
    environment.put("java", System.getProperty("java.version"));
    environment.put("threads", "1, pinned to one core by run.sh");
    environment.put("rounds", quick ? "1, short" : ROUNDS + "");
    environment.put("load", Files.readString(Path.of("/proc/loadavg")).trim());
    return environment;
  }

  private static String field(List<String> lines, String name) {
    return lines.stream()
        .filter(line -> line.matches(name + "\\s*:.*"))
        .map(line -> line.substring(line.indexOf(':') + 1).trim())
        .findFirst()
        .orElse("unknown");
  }

  /** The version in a jar's name on the class path. */
  private static String jarVersion(String artifact) {
    Matcher jar =
        Pattern.compile("/" + artifact + "-([0-9][^/:]*)\\.jar")
            .matcher(System.getProperty("java.class.path"));
    return jar.find() ? jar.group(1) : "unknown";
  }
}
