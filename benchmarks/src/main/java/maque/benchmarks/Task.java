package maque.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A piece of work that several contenders do on the same weights and inputs.
 *
 * @param work for the table
 * @param unit of its times: µs, ms or s
 * @param seconds how long one turn measures
 * @param quick whether the quick run has it
 * @param agreement how far, relative to the largest number, exact contenders may differ; NaN where
 *     they do different work and no numbers can be compared
 * @param rows what of it goes into the table
 * @param others contenders that are shown beside the rows' peers
 * @param scale by which a contender's times are multiplied: of those who do a part of the work
 */
record Task(
    String name,
    String work,
    String unit,
    double seconds,
    boolean quick,
    double agreement,
    List<Row> rows,
    List<String> others,
    Map<String, Double> scale,
    Opening opening) {
  /** Makes a contender's work. */
  interface Opening {
    Work open(String contender);
  }

  /** All who take part, in the order of their turns. */
  List<String> contenders() {
    Set<String> all = new LinkedHashSet<>();
    rows.forEach(row -> all.add(row.contender()));
    rows.forEach(row -> all.addAll(row.peers()));
    all.addAll(others);
    return List.copyOf(all);
  }

  Work open(String contender) {
    return opening.open(contender);
  }

  /** Seconds for the unit. */
  static double unitSeconds(String unit) {
    return switch (unit) {
      case "µs" -> 1e-6;
      case "ms" -> 1e-3;
      case "s" -> 1;
      default -> throw new IllegalArgumentException("no unit " + unit);
    };
  }

  static Task of(String name) {
    return Tasks.ALL.stream()
        .filter(task -> task.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no task " + name));
  }

  static Builder named(String name, String work) {
    return new Builder(name, work);
  }

  /** Collects a task's parts. */
  static final class Builder {
    private final String name;
    private final String work;
    private final List<Row> rows = new ArrayList<>();
    private String unit = "ms";
    private double seconds = 1;
    private boolean quick;
    private double agreement = 1e-4;
    private List<String> others = List.of();
    private Map<String, Double> scale = Map.of();

    private Builder(String name, String work) {
      this.name = name;
      this.work = work;
    }

    Builder unit(String value) {
      unit = value;
      return this;
    }

    Builder seconds(double value) {
      seconds = value;
      return this;
    }

    Builder quick() {
      quick = true;
      return this;
    }

    Builder agreement(double value) {
      agreement = value;
      return this;
    }

    Builder others(String... contenders) {
      others = List.of(contenders);
      return this;
    }

    Builder scale(Map<String, Double> factors) {
      scale = factors;
      return this;
    }

    Builder row(
        String flavour,
        String contender,
        List<String> peers,
        Limits.Peak peak,
        Supplier<Cost> cost) {
      rows.add(new Row(flavour, contender, peers, peak, cost));
      return this;
    }

    Task opens(Opening opening) {
      return new Task(
          name, work, unit, seconds, quick, agreement, List.copyOf(rows), others, scale, opening);
    }
  }
}
