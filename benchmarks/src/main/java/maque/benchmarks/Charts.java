package maque.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The plots of a run. */
final class Charts {
  private static final double WIDTH = 520;

  private Charts() {}

  /** A position on a logarithmic axis. */
  record Axis(double low, double high, double from, double to) {
    double at(double value) {
      double part = Math.log(value / low) / Math.log(high / low);
      return from + (to - from) * Math.max(0, Math.min(1, part));
    }

    /** 1, 2, 5, 10, ... within the axis; powers of ten alone where it is long. */
    List<Double> ticks() {
      double[] steps = high / low > 2000 ? new double[] {1} : new double[] {1, 2, 5};
      List<Double> ticks = new ArrayList<>();
      for (double power = Math.pow(10, Math.floor(Math.log10(low))); power <= high; power *= 10) {
        for (double step : steps) {
          if (step * power >= low * 0.999 && step * power <= high * 1.001) {
            ticks.add(step * power);
          }
        }
      }
      return ticks;
    }
  }

  private static String plain(double value) {
    return value >= 1 ? String.format(Locale.ROOT, "%,.0f", value) : "" + (float) value;
  }

  /** How many times as fast as the fastest peer each row is: bars from 1, logarithmic. */
  static String ratios(String title, List<Map<String, Object>> rows) {
    int bar = 19;
    Map<String, List<Map<String, Object>>> groups = Rows.byWork(rows);
    double height = 66 + groups.size() * 30 + rows.size() * bar;
    Svg svg = new Svg(WIDTH, height, title);
    svg.text(0, 16, "title", title);
    Axis axis = ratioAxis(rows, 0, WIDTH - 205);
    scale(svg, axis, 44, height - 6);
    double y = 52;
    for (Map.Entry<String, List<Map<String, Object>>> group : groups.entrySet()) {
      svg.text(0, y + 15, "strong", group.getKey());
      y += 22;
      for (Map<String, Object> row : group.getValue()) {
        bar(svg, axis, row, y, bar - 5);
        svg.line(axis.at(1), y - 3, axis.at(1), y + bar - 3, "base");
        y += bar;
      }
      y += 8;
    }
    return svg.end();
  }

  /** Bars end here, so that a few long ones leave the others their length. */
  static final double LONGEST = 30;

  /** An axis for the ratios of these rows. */
  static double[] ratioRange(List<Map<String, Object>> rows) {
    double low = 0.8;
    double high = 2.5;
    for (Map<String, Object> row : rows) {
      low = Math.min(low, Rows.number(row, "ratio") * 0.9);
      high = Math.max(high, Math.min(LONGEST, Rows.number(row, "ratio") * 1.1));
    }
    return new double[] {low, high};
  }

  private static Axis ratioAxis(List<Map<String, Object>> rows, double from, double to) {
    double[] range = ratioRange(rows);
    return new Axis(range[0], range[1], from, to);
  }

  static void scale(Svg svg, Axis axis, double top, double bottom) {
    for (double tick : axis.ticks()) {
      svg.line(axis.at(tick), top, axis.at(tick), bottom, "grid");
      svg.text(axis.at(tick), top - 6, "soft", "middle", plain(tick) + "×");
    }
  }

  static void bar(Svg svg, Axis axis, Map<String, Object> row, double y, double height) {
    double one = axis.at(1);
    double end = axis.at(Rows.number(row, "ratio"));
    svg.rect(Math.min(one, end), y, Math.max(1.5, Math.abs(end - one)), height, Rows.colour(row));
    String label =
        String.format(
            Locale.ROOT,
            Rows.number(row, "ratio") < 10 ? "%.2f×  %s" : "%.0f×  %s",
            Rows.number(row, "ratio"),
            Rows.text(row, "flavour"));
    svg.text(Math.max(one, end) + 6, y + height - 2.5, "", label);
  }

  /** Times of a task's contenders at each quantile. */
  static String distribution(String title, List<Map<String, Object>> rows) {
    List<Curve> curves = curves(rows);
    double low = Double.MAX_VALUE;
    double high = 0;
    for (Curve curve : curves) {
      for (double value : curve.values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    double bottom = 250;
    double height = bottom + 30 + 18 * curves.size();
    Svg svg = new Svg(WIDTH, height, title);
    svg.text(0, 16, "title", title);
    Axis axis = new Axis(low * 0.9, high * 1.1, bottom, 36);
    double left = 76;
    double right = WIDTH - 26;
    for (double tick : axis.ticks()) {
      svg.line(left, axis.at(tick), right, axis.at(tick), "grid");
      svg.text(
          left - 6,
          axis.at(tick) + 4,
          "soft",
          "end",
          plain(tick) + " " + Rows.text(rows.get(0), "unit"));
    }
    double[] quantiles = Figures.QUANTILES;
    double step = (right - left) / (quantiles.length - 1);
    for (int i = 0; i < quantiles.length; i++) {
      String name = quantiles[i] == 50 ? "median" : plainQuantile(quantiles[i]);
      svg.text(left + i * step, bottom + 17, "soft", "middle", name);
    }
    double y = bottom + 40;
    for (Curve curve : curves) {
      List<double[]> points = new ArrayList<>();
      for (int i = 0; i < curve.values.size(); i++) {
        points.add(new double[] {left + i * step, axis.at(curve.values.get(i))});
      }
      svg.polyline(points, "line " + curve.colour);
      svg.line(left, y - 4, left + 26, y - 4, "line " + curve.colour);
      svg.text(left + 34, y, "", curve.name);
      y += 18;
    }
    return svg.end();
  }

  private static String plainQuantile(double percent) {
    return percent == Math.rint(percent) ? (int) percent + " %" : percent + " %";
  }

  private record Curve(String name, String colour, List<Double> values) {}

  /** Maque's flavours, and each one's fastest peer. */
  private static List<Curve> curves(List<Map<String, Object>> rows) {
    List<Curve> curves = new ArrayList<>();
    List<String> peers = new ArrayList<>();
    for (Map<String, Object> row : rows) {
      curves.add(
          new Curve(
              "Maque " + Rows.text(row, "flavour"),
              Rows.colour(row),
              Rows.numbers(row.get("distribution"))));
    }
    for (Map<String, Object> row : rows) {
      for (Map<String, Object> peer : Rows.peers(row)) {
        String name = Rows.text(peer, "name");
        if (name.equals(Rows.text(row, "peer_name")) && !peers.contains(name)) {
          peers.add(name);
          curves.add(new Curve(name, "peer", Rows.numbers(peer.get("distribution"))));
        }
      }
    }
    return curves;
  }

  /** What each row reaches below the roof of the core's peaks and bandwidths. */
  static String roofline(String title, Map<String, Object> limits, List<Map<String, Object>> rows) {
    double left = 62;
    double right = WIDTH - 10;
    double bottom = 330;
    Svg svg = new Svg(WIDTH, bottom + 62, title);
    svg.text(0, 16, "title", title);
    double lowX = 1;
    double highX = 10;
    double lowY = Double.MAX_VALUE;
    for (Map<String, Object> row : rows) {
      lowX = Math.min(lowX, Rows.number(row, "intensity") / 1.5);
      highX = Math.max(highX, Rows.number(row, "intensity") * 1.5);
      lowY = Math.min(lowY, Rows.number(row, "gflops") / 1.5);
    }
    double highY = 0;
    for (String peak : List.of("fp32_gflops", "bf16_gflops", "int8_gops")) {
      highY = Math.max(highY, Rows.has(limits, peak) ? Rows.number(limits, peak) * 1.5 : 0);
    }
    Axis x = new Axis(lowX, highX, left, right);
    Axis y = new Axis(lowY, highY, bottom, 40);
    frame(svg, x, y, bottom);
    roofs(svg, limits, x, y);
    for (Map<String, Object> row : rows) {
      svg.dot(
          x.at(Rows.number(row, "intensity")),
          y.at(Rows.number(row, "gflops")),
          Rows.colour(row),
          Rows.text(row, "work")
              + ", "
              + Rows.text(row, "flavour")
              + ": "
              + Report.number(Rows.number(row, "gflops"))
              + " GFLOP/s");
    }
    legend(svg, left, bottom + 54);
    return svg.end();
  }

  private static void frame(Svg svg, Axis x, Axis y, double bottom) {
    for (double tick : y.ticks()) {
      svg.line(x.from, y.at(tick), x.to, y.at(tick), "grid");
      svg.text(x.from - 6, y.at(tick) + 4, "soft", "end", plain(tick));
    }
    for (double tick : x.ticks()) {
      svg.line(x.at(tick), y.to, x.at(tick), bottom, "grid");
      svg.text(x.at(tick), bottom + 17, "soft", "middle", plain(tick));
    }
    svg.text(x.to, bottom + 34, "soft", "end", "operations for each byte that must be read");
    svg.text(0, 34, "soft", "10⁹ operations a second");
  }

  private static void roofs(Svg svg, Map<String, Object> limits, Axis x, Axis y) {
    String[][] peaks = {
      {"fp32_gflops", "fp32", "fp32 peak"},
      {"bf16_gflops", "bf16", "bf16 peak"},
      {"int8_gops", "int8", "int8 peak"}
    };
    double highest = 0;
    for (String[] peak : peaks) {
      if (Rows.has(limits, peak[0])) {
        double value = Rows.number(limits, peak[0]);
        highest = Math.max(highest, value);
        svg.line(x.from, y.at(value), x.to, y.at(value), "line " + peak[1]);
        svg.text(x.to - 2, y.at(value) - 5, "soft", "end", peak[2] + " " + Report.number(value));
      }
    }
    bandwidth(svg, limits, "l2", 0.8, x, y, highest);
    bandwidth(svg, limits, "l3", 0.45, x, y, highest);
    bandwidth(svg, limits, "memory", 0.45, x, y, highest);
  }

  /** A level's line up to the highest peak, named at a part of its length. */
  private static void bandwidth(
      Svg svg, Map<String, Object> limits, String level, double part, Axis x, Axis y, double top) {
    double bandwidth = Rows.number(limits, "read_" + level + "_gb");
    double from = Math.max(x.low, y.low / bandwidth);
    double to = Math.min(x.high, top / bandwidth);
    if (to <= from) {
      return;
    }
    svg.line(x.at(from), y.at(from * bandwidth), x.at(to), y.at(to * bandwidth), "base");
    double label = from * Math.pow(to / from, part);
    boolean before = level.equals("l2");
    String name = level.equals("memory") ? level : level.toUpperCase(Locale.ROOT);
    svg.text(
        x.at(label) + (before ? -8 : 8),
        y.at(label * bandwidth) + (before ? -2 : 12),
        "soft",
        before ? "end" : "start",
        name + " " + Report.number(bandwidth) + " GB/s");
  }

  private static void legend(Svg svg, double x, double y) {
    double at = x;
    for (String precision : List.of("fp32", "bf16", "int8")) {
      svg.rect(at, y - 10, 12, 12, precision);
      svg.text(at + 18, y, "", precision);
      at += 70;
    }
  }

  /** Times of rows that compare a student with its teacher, logarithmic. */
  static String students(String title, List<Map<String, Object>> rows) {
    Map<String, List<Map<String, Object>>> groups = Rows.byWork(rows);
    double height = 34 + groups.size() * 30 + (rows.size() + groups.size()) * 19;
    Svg svg = new Svg(WIDTH, height, title);
    svg.text(0, 16, "title", title);
    double y = 34;
    for (Map.Entry<String, List<Map<String, Object>>> group : groups.entrySet()) {
      svg.text(0, y + 15, "strong", group.getKey());
      y += 22;
      Map<String, Object> first = group.getValue().get(0);
      double longest = Rows.number(first, "peer");
      double shortest = longest;
      for (Map<String, Object> row : group.getValue()) {
        shortest = Math.min(shortest, Rows.number(row, "maque"));
      }
      Axis axis = new Axis(shortest / 3, longest, 0, WIDTH - 240);
      y = time(svg, axis, y, longest, "peer", "teacher " + Rows.shown(first, "peer"));
      for (Map<String, Object> row : group.getValue()) {
        String label =
            String.format(
                Locale.ROOT,
                "%s %s: %s×",
                Rows.text(row, "flavour"),
                Rows.shown(row, "maque"),
                Report.number(Rows.number(row, "ratio")));
        y = time(svg, axis, y, Rows.number(row, "maque"), Rows.colour(row), label);
      }
      y += 8;
    }
    return svg.end();
  }

  private static double time(
      Svg svg, Axis axis, double y, double value, String colour, String label) {
    svg.rect(0, y, Math.max(2, axis.at(value)), 14, colour);
    svg.text(axis.at(value) + 6, y + 11.5, "", label);
    return y + 19;
  }
}
