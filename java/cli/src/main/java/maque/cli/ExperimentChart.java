package maque.cli;

import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import maque.cli.ExperimentSummary.Figure;
import maque.training.HtmlPage;

/**
 * Experiments side by side as one picture: a line each from the student alone to its teacher, and
 * on it the distilled student. SVG without scripts or fonts of its own; its background makes it
 * readable on light and dark pages.
 */
final class ExperimentChart {
  private static final int WIDTH = 980;
  private static final int TOP = 84;
  private static final int ROW = 58;
  private static final int LEFT = 400;
  private static final int RIGHT = 70;
  private static final int BOTTOM = 44;
  private static final double ROOM = 0.012;

  private static final String DARK = "#1d2430";
  private static final String GREY = "#5b6575";
  private static final String ALONE = "#b0702a";
  private static final String DISTILLED = "#23764f";
  private static final String LINE = "#dcdfe4";

  private final List<ExperimentSummary> experiments;
  private final double low;
  private final double high;
  private final StringBuilder out = new StringBuilder();

  private ExperimentChart(List<ExperimentSummary> experiments) {
    this.experiments = experiments;
    low = values().min().orElseThrow() - ROOM;
    high = values().max().orElseThrow() + ROOM;
  }

  private DoubleStream values() {
    return experiments.stream()
        .flatMapToDouble(
            each ->
                DoubleStream.of(
                    each.alone().low(),
                    each.distilled().low(),
                    each.distilled().high(),
                    each.teacher().mean()));
  }

  /** The picture of at least one experiment. */
  static String svg(List<ExperimentSummary> experiments) {
    ExperimentChart chart = new ExperimentChart(experiments);
    int bottom = TOP + ROW * experiments.size();
    chart.open(bottom + BOTTOM);
    chart.axis(bottom);
    for (int i = 0; i < experiments.size(); i++) {
      chart.row(experiments.get(i), TOP + ROW * i + ROW / 2);
    }
    return chart.out.append("</svg>\n").toString();
  }

  private void open(int height) {
    add(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\""
            + " aria-label=\"What distillation gave\" font-family=\"system-ui, sans-serif\""
            + " font-size=\"15\">\n",
        WIDTH, height, WIDTH);
    add("<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#fbfbf9\"/>\n", WIDTH, height);
    text(20, 32, "start", DARK, "600", "What distillation gave");
    double x = LEFT;
    x = legend(x, ALONE, false, "best student alone");
    x = legend(x, DISTILLED, true, "distilled");
    legend(x, GREY, false, "teacher");
    text(20, 56, "start", GREY, "400", "mean and standard deviation over seeds");
  }

  private double legend(double x, String colour, boolean circle, String name) {
    mark(x + 6, 27, colour, circle);
    text(x + 20, 32, "start", DARK, "400", name);
    return x + 48 + 7.6 * name.length();
  }

  private void axis(int bottom) {
    for (int percent = (int) Math.ceil(100 * low); percent <= 100 * high; percent++) {
      if (100 * (high - low) < 12 || percent % 5 == 0) {
        double x = x(percent / 100.0);
        add(
            "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"%s\"/>\n",
            x, TOP, x, bottom, LINE);
        text(x, bottom + 22, "middle", GREY, "400", percent + " %");
      }
    }
  }

  private double x(double accuracy) {
    return LEFT + (accuracy - low) / (high - low) * (WIDTH - LEFT - RIGHT);
  }

  private void row(ExperimentSummary each, int y) {
    text(20, y - 3, "start", DARK, "400", each.title());
    String gain = number("%s, %+.1f points", each.verdict(), 100 * each.gain().mean());
    text(20, y + 16, "start", GREY, "400", gain);
    double alone = x(each.alone().mean());
    double teacher = x(each.teacher().mean());
    double distilled = x(each.distilled().mean());
    add(
        "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"%s\" stroke-width=\"2\"/>\n",
        alone, y, teacher, y, GREY);
    spread(each.alone(), y, ALONE);
    spread(each.distilled(), y, DISTILLED);
    mark(teacher, y, GREY, false);
    mark(alone, y, ALONE, false);
    mark(distilled, y, DISTILLED, true);
    boolean gained = each.distilled().mean() >= each.alone().mean();
    text(
        alone + (gained ? -12 : 12),
        y + 20,
        gained ? "end" : "start",
        ALONE,
        "400",
        percent(each.alone()));
    text(teacher + 12, y + 20, "start", GREY, "400", percent(each.teacher()));
    text(distilled, y - 12, "middle", DISTILLED, "600", percent(each.distilled()));
  }

  private void spread(Figure figure, int y, String colour) {
    add(
        "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"%s\" stroke-width=\"6\""
            + " stroke-opacity=\"0.35\"/>\n",
        x(figure.low()), y, x(figure.high()), y, colour);
  }

  private void mark(double x, double y, String colour, boolean circle) {
    if (circle) {
      add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"6.5\" fill=\"%s\"/>\n", x, y, colour);
    } else {
      add(
          "<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n",
          x - 5, y - 5, colour);
    }
  }

  private void text(
      double x, double y, String anchor, String colour, String weight, String content) {
    add(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\" font-weight=\"%s\">%s</text>\n",
        x, y, anchor, colour, weight, HtmlPage.escape(content));
  }

  private static String percent(Figure figure) {
    return number("%.1f", 100 * figure.mean());
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  private void add(String format, Object... values) {
    out.append(number(format, values));
  }
}
