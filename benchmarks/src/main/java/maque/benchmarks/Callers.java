package maque.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.runner.RunnerException;

/** Two callers of one student on two CPUs against one caller on one. */
final class Callers {
  /** Property: the two CPUs, comma-separated; the first is the one that all else is pinned to. */
  static final String CPUS = "maque.benchmarks.cpus";

  /** Below this the two CPUs multiply too little together to be two cores. */
  private static final double TWO_CORES = 1.7;

  private Callers() {}

  static List<Map<String, Object>> measure(Report report, boolean quick)
      throws RunnerException, IOException {
    String[] cpus = System.getProperty(CPUS, "").split(",");
    if (cpus.length != 2) {
      throw new IllegalStateException("this machine has one CPU only");
    }
    double scaling = Limits.scaling(Integer.parseInt(cpus[0]), Integer.parseInt(cpus[1]));
    String what = describe(scaling, siblings(cpus[0]), cpus[1]);
    List<Map<String, Object>> rows = new ArrayList<>();
    Path sequence = Material.sequence(Material.SMALL_SEQUENCE);
    for (String contender : List.of(Contender.MAQUE, Contender.MAQUE_INT8)) {
      try {
        rows.add(measure(report, contender, Material.form(contender, sequence), cpus, quick));
      } catch (RunnerException e) {
        continue; // a form that this build cannot load has no row
      }
    }
    rows.forEach(row -> row.put("cpus", what));
    return rows;
  }

  private static Map<String, Object> measure(
      Report report, String contender, Path model, String[] cpus, boolean quick)
      throws RunnerException {
    double one = 0;
    double two = 0;
    for (int round = 0; round < (quick ? 1 : 2); round++) {
      one = Math.max(one, Measurement.throughput(model.toString(), 1, cpus[0], 1));
      two = Math.max(two, Measurement.throughput(model.toString(), 2, String.join(",", cpus), 1));
    }
    Map<String, Object> row =
        report.add(
            "2 callers, single predictions, sequence student 300/128",
            Contender.precision(contender),
            "predictions/s",
            two,
            one,
            "1 caller",
            true);
    row.put("task", Suite.CALLERS);
    return row;
  }

  /** What the CPUs are to each other, by measurement and by the system's own word. */
  static String describe(double scaling, String siblings, String second) {
    boolean said = List.of(siblings.split("[,-]")).contains(second);
    boolean measured = scaling < TWO_CORES;
    return String.format(
        java.util.Locale.ROOT,
        "%s: together %.2f times the multiply-adds of one",
        said || measured ? "two threads of one core" : "two cores",
        scaling);
  }

  private static String siblings(String cpu) throws IOException {
    Path file = Path.of("/sys/devices/system/cpu/cpu" + cpu + "/topology/thread_siblings_list");
    return Files.exists(file) ? Files.readString(file).trim() : cpu;
  }
}
