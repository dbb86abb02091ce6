package maque.training;

import java.util.List;
import java.util.Locale;

/** Plots as SVG elements that take their colours from the page. */
final class SvgPlots {
  private static final int WIDTH = 480;
  private static final int ROW = 46;
  private static final int TOP = 30;
  private static final List<String> COLOURS = List.of("mark", "second", "third", "fourth", "soft");

  private SvgPlots() {}

  /**
   * One bar.
   *
   * @param shown the value as text
   */
  record Bar(String name, double value, String shown) {}

  /**
   * Horizontal bars from 0, or from a tenth of the smallest value on a logarithmic scale.
   *
   * @param values positive where logarithmic
   */
  static String bars(String title, List<Bar> values, boolean logarithmic) {
    double max = values.stream().mapToDouble(Bar::value).max().orElse(1);
    double min = values.stream().mapToDouble(Bar::value).min().orElse(1) / 10;
    int height = TOP + ROW * values.size();
    StringBuilder out = open(title, height);
    for (int i = 0; i < values.size(); i++) {
      Bar bar = values.get(i);
      double part =
          logarithmic
              ? Math.log(bar.value() / min) / Math.log(max / min)
              : bar.value() / Math.max(max, 1e-9);
      int y = TOP + ROW * i;
      double width = Math.max(2, part * (WIDTH - 110));
      text(out, 0, y + 14, bar.name());
      out.append(
          String.format(
              Locale.ROOT,
              "<rect x=\"0\" y=\"%d\" width=\"%.1f\" height=\"16\" rx=\"2\""
                  + " style=\"fill:var(--%s)\"/>\n",
              y + 20,
              width,
              i == 0 ? "soft" : "mark"));
      text(out, width + 6, y + 33, bar.shown());
    }
    return out.append("</svg>\n").toString();
  }

  /** Accuracy over the part of each model's training that was done. */
  static String learning(String title, List<ReportData.Model> models) {
    double low = 1;
    double high = 0;
    for (ReportData.Model model : models) {
      for (ReportData.Point point : model.learning()) {
        low = Math.min(low, point.accuracy());
        high = Math.max(high, point.accuracy());
      }
    }
    high = Math.max(high, low + 1e-3);
    int plot = 220;
    StringBuilder out = open(title, TOP + plot + 24 + 18 * models.size());
    text(out, 0, TOP + 10, String.format(Locale.ROOT, "%.1f %%", 100 * high));
    text(out, 0, TOP + plot, String.format(Locale.ROOT, "%.1f %%", 100 * low));
    int line = 0;
    for (ReportData.Model model : models) {
      if (model.learning().size() > 1) {
        String colour = COLOURS.get(line % COLOURS.size());
        out.append("<polyline points=\"");
        long last = model.learning().get(model.learning().size() - 1).step();
        for (ReportData.Point point : model.learning()) {
          double x = 60 + (WIDTH - 70) * (double) point.step() / last;
          double y = TOP + plot - (plot - 8) * (point.accuracy() - low) / (high - low);
          out.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
        }
        out.append("\" style=\"fill:none;stroke-width:2;stroke:var(--")
            .append(colour)
            .append(")\"/>\n");
        int y = TOP + plot + 24 + 18 * line++;
        out.append(
            String.format(
                Locale.ROOT,
                "<rect x=\"60\" y=\"%d\" width=\"12\" height=\"4\" style=\"fill:var(--%s)\"/>\n",
                y - 6,
                colour));
        text(out, 78, y, model.evaluation().name());
      }
    }
    return out.append("</svg>\n").toString();
  }

  private static StringBuilder open(String title, int height) {
    StringBuilder out = new StringBuilder();
    out.append(
        String.format(
            Locale.ROOT,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
            WIDTH,
            height,
            HtmlPage.escape(title)));
    text(out, 0, 16, title);
    return out;
  }

  private static void text(StringBuilder out, double x, double y, String content) {
    out.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n",
            x,
            y,
            HtmlPage.escape(content)));
  }
}
