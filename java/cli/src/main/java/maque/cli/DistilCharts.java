package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.training.Calibration;
import maque.training.Evaluation;
import maque.training.SvgChart;

/** The charts of an experiment's report, as SVG. */
final class DistilCharts {
  private final DistilResult result;

  DistilCharts(DistilResult result) {
    this.result = result;
  }

  /** Accuracy on test by what a way costs. */
  String cost(String title, String axis, boolean time) {
    List<DistilResult.Measured> ways = new ArrayList<>(result.ways());
    // A chart without those that answer together gives the others the same colours.
    ways.sort(Comparator.comparing(way -> way.members().get(0).model() == null));
    double[] x = ways.stream().mapToDouble(way -> cost(way, time)).toArray();
    double[] y = ways.stream().mapToDouble(way -> 100 * result.accuracy(way).mean()).toArray();
    SvgChart chart =
        new SvgChart(
            title,
            SvgChart.Axis.around(axis, time ? "%,.0f" : "", true, x),
            SvgChart.Axis.around("accuracy on test, %", "%.1f", false, y));
    for (int i = 0; i < x.length; i++) {
      chart.dots(ways.get(i).title(), List.of(new SvgChart.Point(x[i], y[i])));
    }
    return chart.svg();
  }

  private double cost(DistilResult.Measured way, boolean time) {
    return time
        ? result.spread(way, Evaluation.Result::medianMicros).mean()
        : way.members().get(0).bytes() / 1e6;
  }

  /** Evaluations on dev while the first seed's models were trained. */
  String learning() {
    Map<String, List<SvgChart.Point>> lines = new LinkedHashMap<>();
    for (DistilResult.Measured way : result.ways()) {
      if (way.members().get(0).model() != null) {
        lines.put(way.title(), history(way.members().get(0).model()));
      }
    }
    double[] y =
        lines.values().stream().flatMap(List::stream).mapToDouble(SvgChart.Point::y).toArray();
    SvgChart chart =
        new SvgChart(
            "Accuracy on dev while training, first seed",
            new SvgChart.Axis("part of the training done, %", "%.0f", 0, 100, false),
            SvgChart.Axis.around("accuracy on dev, %", "%.1f", false, y));
    lines.forEach(chart::line);
    return chart.svg();
  }

  /** Evaluations on dev; x is the part of the steps that were done. */
  private static List<SvgChart.Point> history(Path model) {
    Map<String, Object> training = ModelDirectory.read(model).training();
    List<SvgChart.Point> points = new ArrayList<>();
    if (training.get("history") instanceof List<?> list
        && training.get("steps") instanceof Number steps) {
      for (Object each : list) {
        if (each instanceof Map<?, ?> point
            && point.get("step") instanceof Number step
            && point.get("dev_accuracy") instanceof Number accuracy) {
          points.add(
              new SvgChart.Point(
                  100 * step.doubleValue() / steps.doubleValue(), 100 * accuracy.doubleValue()));
        }
      }
    }
    return points;
  }

  /** All forms measured for a budget, those that none beats apart. */
  String front(List<BudgetSearch.Form> front, boolean time) {
    double[] x = result.forms().stream().mapToDouble(form -> cost(form, time)).toArray();
    double[] y = result.forms().stream().mapToDouble(form -> 100 * form.devAccuracy()).toArray();
    List<SvgChart.Point> beaten = new ArrayList<>();
    List<SvgChart.Point> best = new ArrayList<>();
    for (BudgetSearch.Form form : result.forms()) {
      (front.contains(form) ? best : beaten)
          .add(new SvgChart.Point(cost(form, time), 100 * form.devAccuracy()));
    }
    return new SvgChart(
            time ? "Forms by the time of one prediction" : "Forms by the size of their weights",
            SvgChart.Axis.around(
                time ? "99 % within, µs, logarithmic" : "MB, logarithmic", "", true, x),
            SvgChart.Axis.around("accuracy on dev, %", "%.1f", false, y))
        .dots("another form is as good in everything", beaten)
        .dots("on the front", best)
        .svg();
  }

  private static double cost(BudgetSearch.Form form, boolean time) {
    return time ? form.p99Micros() : form.bytes() / 1e6;
  }

  /** How sure a model says it is, and how often it is right. */
  static String reliability(String title, Calibration raw, Calibration fitted) {
    SvgChart.Axis x = new SvgChart.Axis("how sure it says it is, %", "%.0f", 0, 100, false);
    SvgChart.Axis y = new SvgChart.Axis("right, %", "%.0f", 0, 100, false);
    return new SvgChart("Reliability: " + title, x, y)
        .guide(0, 0, 100, 100)
        .line("as it is", bins(raw))
        .line(number("with temperature %.2f", fitted.temperature()), bins(fitted))
        .svg();
  }

  private static List<SvgChart.Point> bins(Calibration calibration) {
    return calibration.bins().stream()
        .map(bin -> new SvgChart.Point(100 * bin.confidence(), 100 * bin.accuracy()))
        .toList();
  }

  /** Accuracy over a number of texts. */
  static String curve(DistilReport.Curve curve) {
    List<SvgChart.Point> all = curve.lines().values().stream().flatMap(List::stream).toList();
    SvgChart chart =
        new SvgChart(
            curve.title(),
            SvgChart.Axis.around(
                curve.axis(),
                "%,.0f",
                false,
                all.stream().mapToDouble(SvgChart.Point::x).toArray()),
            SvgChart.Axis.around(
                "accuracy on dev, %",
                "%.1f", false, all.stream().mapToDouble(SvgChart.Point::y).toArray()));
    curve.lines().forEach(chart::line);
    return chart.svg();
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
