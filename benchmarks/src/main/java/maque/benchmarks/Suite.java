package maque.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import maque.runtime.AtomicFiles;
import maque.runtime.Json;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the suite: what the core can do, every task with every contender in turn, callers, threads,
 * loading; then table and plots. After each task the figures so far are on disk.
 *
 * <p>Arguments: those of benchmarks/run.sh.
 */
public final class Suite {
  /** Two callers of one student. */
  static final String CALLERS = "callers";

  /** Training steps and scoring on two threads. */
  static final String THREADS = "threads";

  /** A teacher's products with weights, by themselves. */
  static final String PRODUCTS = "products";

  /** Loading a student's serving form. */
  static final String LOAD = "load";

  private final Arguments arguments;
  private final PrintStream out;
  private final Measurement measurement;

  private Suite(Arguments arguments, PrintStream out) {
    this.arguments = arguments;
    this.out = out;
    measurement = arguments.quick() ? Measurement.quick() : Measurement.whole();
  }

  public static void main(String[] arguments) throws RunnerException, IOException {
    Arguments asked;
    try {
      asked = Arguments.of(arguments);
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
      return;
    }
    if (asked.list()) {
      Arguments.names().forEach(System.out::println);
    } else if (asked.plots() != null) {
      again(asked.plots(), asked.picture());
    } else {
      new Suite(asked, System.out).run();
    }
  }

  @SuppressWarnings("unchecked") // what a run wrote is rows
  private static List<Map<String, Object>> rows(Path json) {
    if (Json.read(json) instanceof List<?> rows) {
      return (List<Map<String, Object>>) rows;
    }
    throw new IllegalArgumentException(json + ": expected an array of rows");
  }

  /** Limits, table and plots of an earlier run's figures, as this version makes them. */
  private static void again(Path json, Path picture) {
    List<Map<String, Object>> rows = rows(json);
    Report.limitAgain(rows);
    AtomicFiles.write(json, Json.write(rows));
    draw(rows, json, picture);
  }

  private void run() throws RunnerException, IOException {
    Limits limits = Limits.measure().orBetter(Limits.measure());
    out.println("limits: " + limits.toJson());
    Environment environment = Environment.here(measurement.described());
    Capped.describe(environment);
    environment.put("empty call into native code", Report.number(Measurement.emptyCall()) + " ns");
    Report report = new Report(environment, limits);
    for (Task task : Tasks.ALL) {
      if (arguments.wants(task)) {
        measure(task, report);
        save(report);
      }
    }
    if (arguments.wants(PRODUCTS)) {
      guarded(PRODUCTS, () -> Products.measure(report));
    }
    if (arguments.wants(CALLERS)) {
      guarded(CALLERS, () -> Callers.measure(report, arguments.quick()));
    }
    if (arguments.wants(THREADS)) {
      guarded(THREADS, () -> Threads.measure(report, arguments.quick()));
    }
    if (arguments.wants(LOAD)) {
      guarded(LOAD, () -> Loading.measure(report));
    }
    environment.put("load at the end", Files.readString(Path.of("/proc/loadavg")).trim());
    save(report);
    out.println();
    out.print(Report.table(report.rows()));
  }

  private interface Part {
    List<Map<String, Object>> run() throws RunnerException, IOException;
  }

  private void guarded(String name, Part part) {
    try {
      part.run().forEach(row -> out.println(Report.line(row)));
    } catch (RunnerException | IOException | RuntimeException e) {
      out.println(name + " failed: " + e);
    }
  }

  private void measure(Task task, Report report) {
    long start = System.nanoTime();
    Measurement.Outcome outcome = measurement.run(task, task.contenders());
    List<Map<String, Object>> rows = report.add(task, outcome);
    allocation(task, rows);
    rows.forEach(row -> out.println(Report.line(row)));
    outcome.absent().forEach((who, why) -> out.println("  not measured: " + who + ": " + why));
    out.printf("  %s: %d s%n", task.name(), (System.nanoTime() - start) / 1_000_000_000);
  }

  /** Of what promises to allocate nothing. */
  private void allocation(Task task, List<Map<String, Object>> rows) {
    if (!List.of("tokenizer", "sequence128-label").contains(task.name())) {
      return;
    }
    for (int i = 0; i < rows.size(); i++) {
      if (rows.get(i).get("maque") != null) {
        String contender = task.rows().get(i).contender();
        try (Work work = task.open(contender)) {
          rows.get(i).put("allocated_bytes", Allocation.bytes(work));
          rows.get(i).put("gc.alloc.rate.norm", Measurement.allocation(task, contender));
        } catch (RunnerException | RuntimeException e) {
          out.println("  allocation not measured: " + e.getMessage());
        }
      }
    }
  }

  private void save(Report report) throws IOException {
    if (arguments.json() != null) {
      AtomicFiles.write(arguments.json(), Json.write(report.rows()));
      draw(report.rows(), arguments.json(), arguments.picture());
    }
  }

  /** Table, page of plots and picture beside a run's figures; the picture elsewhere too. */
  private static void draw(List<Map<String, Object>> rows, Path json, Path picture) {
    AtomicFiles.write(sibling(json, ".md"), Report.table(rows).getBytes(StandardCharsets.UTF_8));
    AtomicFiles.write(sibling(json, ".html"), Page.html(rows).getBytes(StandardCharsets.UTF_8));
    byte[] svg = Picture.svg(rows).getBytes(StandardCharsets.UTF_8);
    AtomicFiles.write(sibling(json, ".svg"), svg);
    if (picture != null) {
      AtomicFiles.write(picture, svg);
    }
  }

  private static Path sibling(Path json, String ending) {
    return json.resolveSibling(json.getFileName().toString().replaceFirst("\\.json$", "") + ending);
  }
}
