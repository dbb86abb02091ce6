package maque.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The rows of a run, as data and as a table. A row is a map whose first keys are {@link #KEYS};
 * {@code ratio} is above 1 where Maque is faster, {@code percent_of_limit} 100 where it is as fast
 * as the limit allows. Null stands for what could not be measured or does not exist.
 */
final class Report {
  /** What every row has, in this order. */
  static final List<String> KEYS =
      List.of(
          "work",
          "flavour",
          "unit",
          "maque",
          "peer",
          "peer_name",
          "ratio",
          "percent_of_limit",
          "cpu");

  /** The first row: what the core can do. */
  static final String LIMITS = "limits of this core";

  private final Environment environment;
  private final Limits limits;
  private final List<Map<String, Object>> rows = new ArrayList<>();

  Report(Environment environment, Limits limits) {
    this.environment = environment;
    this.limits = limits;
    Map<String, Object> row =
        row(LIMITS, "fp32", "GFLOP/s", limits.peaks().get(Limits.Peak.FP32) / 1e9);
    row.put("limits", limits.toJson());
    row.put("environment", environment.values());
    rows.add(row);
  }

  List<Map<String, Object>> rows() {
    return rows;
  }

  private Map<String, Object> row(String work, String flavour, String unit, Double maque) {
    Map<String, Object> row = new LinkedHashMap<>();
    KEYS.forEach(key -> row.put(key, null));
    row.put("work", work);
    row.put("flavour", flavour);
    row.put("unit", unit);
    row.put("maque", maque);
    row.put("cpu", environment.cpu());
    return row;
  }

  /**
   * A row without a peer, or with one that is another way of Maque's.
   *
   * @param higherIsBetter as of rates; else of times
   */
  Map<String, Object> add(
      String work,
      String flavour,
      String unit,
      double maque,
      Double peer,
      String peerName,
      boolean higherIsBetter) {
    Map<String, Object> row = row(work, flavour, unit, maque);
    row.put("peer", peer);
    row.put("peer_name", peerName);
    if (peer != null) {
      row.put("ratio", higherIsBetter ? maque / peer : peer / maque);
    }
    rows.add(row);
    return row;
  }

  /** The rows of a task. */
  List<Map<String, Object>> add(Task task, Measurement.Outcome outcome) {
    List<Map<String, Object>> added = new ArrayList<>();
    for (Row row : task.rows()) {
      added.add(row(task, row, outcome));
    }
    rows.addAll(added);
    return added;
  }

  private Map<String, Object> row(Task task, Row row, Measurement.Outcome outcome) {
    double unit = Task.unitSeconds(task.unit());
    Map<String, Figures> figures = outcome.figures();
    Figures ours = figures.get(row.contender());
    Double maque = ours == null ? null : scaled(task, row.contender(), ours.median()) / unit;
    Map<String, Object> out = row(task.work(), row.flavour(), task.unit(), maque);
    Optional<String> fastest = fastest(task, row.peers(), figures);
    fastest.ifPresent(
        peer -> {
          double time = scaled(task, peer, figures.get(peer).median());
          out.put("peer", time / unit);
          out.put("peer_name", Contender.shown(peer));
          if (maque != null) {
            out.put("ratio", time / unit / maque);
          }
        });
    out.put("task", task.name());
    if (ours == null) {
      out.put("absent", outcome.absent().get(row.contender()));
    } else {
      out.put("p99", ours.quantile(99) / unit);
      out.put("p99.9", ours.quantile(99.9) / unit);
      out.put("calls", ours.calls());
      out.put("rounds_p10", ours.round(10) / unit);
      out.put("rounds_p90", ours.round(90) / unit);
      out.put("distribution", inUnit(ours, unit));
      if (row.cost() != null) {
        limit(row.peak(), row.cost().get(), ours.median(), unit, out);
      }
    }
    out.put("peers", peers(task, row, outcome, unit));
    return out;
  }

  /** Says in a row how near to its limit the work is. */
  void limit(Limits.Peak peak, Cost cost, double seconds, double unit, Map<String, Object> out) {
    limit(limits, peak, cost, seconds, unit, out);
  }

  private static void limit(
      Limits limits,
      Limits.Peak peak,
      Cost cost,
      double seconds,
      double unit,
      Map<String, Object> out) {
    if (!limits.peaks().containsKey(peak)) {
      return;
    }
    Cost.Bound bound = cost.bound(limits, peak);
    out.put("percent_of_limit", 100 * bound.seconds() / seconds);
    out.put("limit", bound.name());
    out.put("limit_share", 100 * bound.share());
    out.put("limit_time", bound.seconds() / unit);
    out.put("gflops", cost.flops() / seconds / 1e9);
    out.put("intensity", cost.intensity());
    out.put("peak", peak.shown);
  }

  /** The limits of an earlier run's rows anew, from its figures, as {@link Tasks} counts now. */
  static void limitAgain(List<Map<String, Object>> rows) {
    Limits limits = Limits.kept((Map<?, ?>) rows.get(0).get("limits"));
    for (Map<String, Object> row : rows) {
      Tasks.ALL.stream()
          .filter(task -> task.name().equals(row.get("task")))
          .flatMap(task -> task.rows().stream().map(of -> Map.entry(task, of)))
          .filter(of -> of.getValue().flavour().equals(row.get("flavour")))
          .filter(of -> of.getValue().cost() != null && row.get("peak") != null)
          .forEach(of -> limitAgain(limits, of.getKey(), of.getValue(), row));
    }
  }

  private static void limitAgain(Limits limits, Task task, Row of, Map<String, Object> row) {
    double unit = Task.unitSeconds(task.unit());
    double seconds = Rows.number(row, "maque") * unit;
    Limits.Peak peak = Limits.Peak.shown((String) row.get("peak"));
    limit(limits, peak, of.cost().get(), seconds, unit, row);
  }

  private static double scaled(Task task, String contender, double seconds) {
    return seconds * task.scale().getOrDefault(contender, 1.0);
  }

  private static Optional<String> fastest(
      Task task, List<String> peers, Map<String, Figures> figures) {
    return peers.stream()
        .filter(figures::containsKey)
        .min(
            java.util.Comparator.comparingDouble(
                peer -> scaled(task, peer, figures.get(peer).median())));
  }

  /** All who were measured beside the row's own contender, and why others were not. */
  private static List<Object> peers(Task task, Row row, Measurement.Outcome outcome, double unit) {
    List<Object> peers = new ArrayList<>();
    for (String contender : task.contenders()) {
      if (Contender.isMaque(contender)) {
        continue;
      }
      Map<String, Object> peer = new LinkedHashMap<>();
      peer.put("name", Contender.shown(contender));
      peer.put("counts", row.peers().contains(contender));
      Figures figures = outcome.figures().get(contender);
      if (figures == null) {
        peer.put("absent", outcome.absent().get(contender));
      } else {
        peer.put("p50", scaled(task, contender, figures.median()) / unit);
        peer.put("p99", scaled(task, contender, figures.quantile(99)) / unit);
        peer.put("p99.9", scaled(task, contender, figures.quantile(99.9)) / unit);
        peer.put("rounds_p10", scaled(task, contender, figures.round(10)) / unit);
        peer.put("rounds_p90", scaled(task, contender, figures.round(90)) / unit);
        peer.put("distribution", inUnit(figures, unit));
      }
      peers.add(peer);
    }
    return peers;
  }

  private static List<Double> inUnit(Figures figures, double unit) {
    return figures.distribution().stream().map(seconds -> seconds / unit).toList();
  }

  /** The table, with what it was measured on above it. */
  static String table(List<Map<String, Object>> rows) {
    StringBuilder out = new StringBuilder();
    Map<?, ?> environment = (Map<?, ?>) rows.get(0).get("environment");
    environment.forEach(
        (key, value) -> out.append("- ").append(key).append(": ").append(value).append('\n'));
    Map<?, ?> limits = (Map<?, ?>) rows.get(0).get("limits");
    out.append("- limits: ");
    limits.forEach(
        (key, value) ->
            out.append(key)
                .append(' ')
                .append(value instanceof Number n ? number(n.doubleValue()) : value)
                .append("; "));
    out.append(
        "\n\n"
            + "Median times of rounds in turn; ratio: the fastest peer's by Maque's, above 1 where"
            + " Maque is faster. GFLOP/s: operations that the work needs, without padding. Limit:"
            + " the sum over the work's parts of the later of arithmetic at the core's measured"
            + " peak and of reading what must be read at its measured bandwidth; named is what"
            + " binds for most of that time, and for which part of it.\n\n");
    out.append(
        "| work | flavour | Maque | p99 | best peer | | ratio | GFLOP/s | limit | share of it |\n");
    out.append("|---|---|---|---|---|---|---|---|---|---|\n");
    rows.stream().skip(1).forEach(row -> out.append(line(row)).append('\n'));
    return out.append('\n').append(remarks(rows)).append(absences(rows)).toString();
  }

  /** What has no column. */
  private static String remarks(List<Map<String, Object>> rows) {
    StringBuilder out = new StringBuilder();
    for (Map<String, Object> row : rows) {
      String who = "- " + row.get("work") + ", " + row.get("flavour") + ": ";
      if (row.get("allocated_bytes") instanceof Number bytes) {
        out.append(who).append("allocates ").append(bytes).append(" B a call\n");
      }
      if (row.get("native_bytes") instanceof Number bytes) {
        out.append(who).append(number(bytes.doubleValue() / 1e6)).append(" MB of native memory\n");
      }
      if (row.get("cpus") != null) {
        out.append(who).append(row.get("cpus")).append('\n');
      }
    }
    return out.toString();
  }

  /** One line of the table. */
  static String line(Map<String, Object> row) {
    String unit = " " + row.get("unit");
    List<String> cells = new ArrayList<>();
    cells.add(String.valueOf(row.get("work")));
    cells.add(String.valueOf(row.get("flavour")));
    cells.add(cell(row.get("maque"), unit));
    cells.add(cell(row.get("p99"), unit));
    cells.add(row.get("peer_name") == null ? "–" : String.valueOf(row.get("peer_name")));
    cells.add(cell(row.get("peer"), unit));
    Object ratio = row.get("ratio");
    cells.add(
        ratio == null
            ? "–"
            : String.format(Locale.ROOT, "**%.2f**", ((Number) ratio).doubleValue()));
    cells.add(cell(row.get("gflops"), ""));
    cells.add(limit(row));
    cells.add(cell(row.get("percent_of_limit"), " %"));
    return "| " + String.join(" | ", cells) + " |";
  }

  /** What binds a row's limit, and for which part of its time if not for all of it. */
  static String limit(Map<String, Object> row) {
    if (row.get("limit") == null) {
      return "–";
    }
    boolean partly = row.get("limit_share") instanceof Number share && share.doubleValue() < 99.5;
    return row.get("limit") + (partly ? ", " + cell(row.get("limit_share"), " %") : "");
  }

  private static String cell(Object value, String unit) {
    return value instanceof Number n ? number(n.doubleValue()) + unit : "–";
  }

  /** Three digits that count. */
  static String number(double value) {
    double size = Math.abs(value);
    if (size >= 1000) {
      return String.format(Locale.ROOT, "%,.0f", value);
    }
    return String.format(
        Locale.ROOT,
        size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f",
        value);
  }

  private static String absences(List<Map<String, Object>> rows) {
    Map<String, String> reasons = new LinkedHashMap<>();
    for (Map<String, Object> row : rows) {
      if (row.get("absent") != null) {
        reasons.put(row.get("work") + ", Maque " + row.get("flavour"), "" + row.get("absent"));
      }
      if (row.get("peers") instanceof List<?> peers) {
        for (Object peer : peers) {
          Map<?, ?> map = (Map<?, ?>) peer;
          if (map.get("absent") != null) {
            reasons.put(row.get("work") + ", " + map.get("name"), "" + map.get("absent"));
          }
        }
      }
    }
    StringBuilder out = new StringBuilder();
    reasons.forEach(
        (who, why) ->
            out.append("- Not measured: ").append(who).append(": ").append(why).append('\n'));
    return out.toString();
  }
}
