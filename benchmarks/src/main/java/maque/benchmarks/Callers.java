package maque.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
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
    Pair pair = Pair.here();
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Model model : models()) {
      try {
        rows.add(measure(report, model, pair, quick));
      } catch (RunnerException | RuntimeException e) {
        System.out.println("  2 callers, " + model.what + ": " + e.getMessage());
      }
    }
    rows.forEach(row -> row.put("cpus", pair.what()));
    return rows;
  }

  /**
   * Two CPUs.
   *
   * @param first that all else is pinned to
   * @param both as taskset reads them
   * @param scaling how much more both multiply together than the first alone
   * @param what they are to each other
   */
  record Pair(String first, String both, double scaling, String what) {
    /**
     * Those that the suite was given.
     *
     * @throws IllegalStateException where there is one only
     */
    static Pair here() throws IOException {
      String both = System.getProperty(CPUS, "");
      String[] cpus = both.split(",");
      if (cpus.length != 2) {
        throw new IllegalStateException("this machine has one CPU only");
      }
      double scaling = Limits.scaling(Integer.parseInt(cpus[0]), Integer.parseInt(cpus[1]));
      return new Pair(cpus[0], both, scaling, describe(scaling, siblings(cpus[0]), cpus[1]));
    }
  }

  /** What is called, in which precision. */
  private record Model(String what, String contender, Supplier<Path> path) {}

  private static List<Model> models() {
    List<Model> models = new ArrayList<>();
    for (String contender : List.of(Contender.MAQUE, Contender.MAQUE_INT8)) {
      models.add(
          new Model(
              "sequence student 300/128",
              contender,
              () -> Material.form(contender, Material.sequence(Material.SMALL_SEQUENCE))));
    }
    models.add(new Model("teacher bge-small-zh", Contender.MAQUE, Material::teacher));
    return models;
  }

  private static Map<String, Object> measure(Report report, Model model, Pair pair, boolean quick)
      throws RunnerException {
    String path = model.path.get().toString();
    double one = 0;
    double two = 0;
    for (int round = 0; round < (quick ? 1 : 2); round++) {
      one = Math.max(one, Measurement.throughput(path, 1, pair.first()));
      two = Math.max(two, Measurement.throughput(path, 2, pair.both()));
    }
    Map<String, Object> row =
        report.add(
            "2 callers, single predictions, " + model.what,
            Contender.precision(model.contender),
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
        Locale.ROOT,
        "%s: together %.2f times the multiply-adds of one",
        said || measured ? "two threads of one core" : "two cores",
        scaling);
  }

  private static String siblings(String cpu) throws IOException {
    Path file = Path.of("/sys/devices/system/cpu/cpu" + cpu + "/topology/thread_siblings_list");
    return Files.exists(file) ? Files.readString(file).trim() : cpu;
  }
}
