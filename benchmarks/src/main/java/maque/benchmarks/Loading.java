package maque.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import maque.runtime.Student;

/**
 * How long it takes until a student's serving form answers for the first time, in a JVM that has
 * done it before (warm) and in one that has just started (cold, its start included).
 */
public final class Loading {
  private static final int TIMES = 11;

  private Loading() {}

  static List<Map<String, Object>> measure(Report report) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String contender :
        List.of(Contender.MAQUE_FOLDED, Contender.MAQUE_BF16, Contender.MAQUE_INT8)) {
      try {
        rows.addAll(measure(report, contender));
      } catch (RuntimeException e) {
        System.out.println("  loading " + contender + ": " + e.getMessage());
      }
    }
    return rows;
  }

  private static List<Map<String, Object>> measure(Report report, String contender) {
    Path model = Material.form(contender, Material.sequence(Material.SEQUENCE));
    double[] warm = new double[TIMES];
    long bytes = 0;
    for (int i = 0; i < TIMES; i++) {
      long start = System.nanoTime();
      bytes = answer(model);
      warm[i] = (System.nanoTime() - start) * 1e-6;
    }
    double[] cold = new double[5];
    for (int i = 0; i < cold.length; i++) {
      long start = System.nanoTime();
      Limits.output(command(model));
      cold[i] = (System.nanoTime() - start) * 1e-6;
    }
    String work = "loading a folded sequence student 300/300 and its first answer";
    String precision = Contender.precision(contender);
    List<Map<String, Object>> rows =
        List.of(
            report.add(work, precision + ", warm JVM", "ms", median(warm), null, null, false),
            report.add(work, precision + ", cold JVM", "ms", median(cold), null, null, false));
    for (Map<String, Object> row : rows) {
      row.put("task", Suite.LOAD);
      row.put("native_bytes", bytes);
    }
    return rows;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static List<String> command(Path model) {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+UseSerialGC",
        "-cp",
        System.getProperty("java.class.path"),
        Loading.class.getName(),
        model.toString());
  }

  /** Loads, answers, and says what native memory the student takes. */
  private static long answer(Path model) {
    try (Student student = Student.load(model)) {
      student.predict("天气");
      return student.nativeBytes();
    }
  }

  /** The cold JVM. */
  public static void main(String[] arguments) {
    System.out.println(answer(Path.of(arguments[0])));
  }
}
