package maque.cli;

import java.util.List;
import java.util.Locale;
import maque.training.Evaluation;

/**
 * The demo's result as one picture: a bar a model for its accuracy, the time of one text beside it.
 * SVG without scripts or fonts of its own; its background makes it readable on light and dark
 * pages.
 */
final class DemoChart {
  private static final int WIDTH = 980;
  private static final int ROW = 44;
  private static final int TOP = 58;
  private static final int NAMES = 410;
  private static final int BARS = 290;

  private final StringBuilder out = new StringBuilder();

  private DemoChart() {}

  /** One row of the picture. */
  record Row(Evaluation.Result result, boolean takesFromTeacher) {}

  /** The picture; the first row is the teacher. */
  static String svg(String title, List<Row> rows) {
    DemoChart chart = new DemoChart();
    chart.open(title, TOP + ROW * rows.size() + 14);
    for (int i = 0; i < rows.size(); i++) {
      chart.row(rows.get(i), rows.get(0), TOP + ROW * i, i == 0);
    }
    return chart.out.append("</svg>\n").toString();
  }

  private void open(String title, int height) {
    out.append(
        String.format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\""
                + " role=\"img\" aria-label=\"%s\"",
            WIDTH, height, WIDTH, title));
    out.append(" font-family=\"system-ui, sans-serif\" font-size=\"15\">\n");
    out.append(
        String.format(
            "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#fbfbf9\"/>%n", WIDTH, height));
    text(20, 32, "#1d2430", title, true);
    text(NAMES + BARS + 90, 32, "#5b6575", "one text, one thread", false);
  }

  private void row(Row row, Row teacher, int y, boolean first) {
    Evaluation.Result result = row.result();
    double accuracy = result.report().accuracy();
    String colour = first ? "#5b6575" : row.takesFromTeacher() ? "#23764f" : "#b0702a";
    text(20, y + 22, "#1d2430", result.name(), false);
    double width = Math.max(2, BARS * accuracy);
    out.append(
        String.format(
            Locale.ROOT,
            "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"22\" rx=\"3\" fill=\"%s\"/>%n",
            NAMES,
            y + 6,
            width,
            colour));
    text(
        NAMES + width + 8,
        y + 22,
        "#1d2430",
        String.format(Locale.ROOT, "%.1f %%", 100 * accuracy),
        true);
    String speed =
        first
            ? ""
            : String.format(
                Locale.ROOT, "  (%.0f×)", teacher.result().medianMicros() / result.medianMicros());
    text(
        NAMES + BARS + 90,
        y + 22,
        "#1d2430",
        Durations.ofMicros(result.medianMicros()) + speed,
        false);
  }

  private void text(double x, int y, String colour, String content, boolean bold) {
    out.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%d\" fill=\"%s\"%s>%s</text>%n",
            x,
            y,
            colour,
            bold ? " font-weight=\"600\"" : "",
            content));
  }
}
