package maque.benchmarks;

import java.util.List;
import java.util.Locale;

/** Draws SVG whose colours come from classes, light or dark as the reader's system is. */
final class Svg {
  /** Rules for the classes that the drawing uses. */
  static final String STYLE =
      """
      text { fill: #1d2430; font: 13px system-ui, sans-serif; } text.soft { fill: #5b6575; }
      text.strong { font-weight: 600; } text.title { font-size: 15px; font-weight: 600; }
      .card { fill: #fbfbf9; } .grid { stroke: #d9dce2; stroke-width: 1; fill: none; }
      .base { stroke: #5b6575; stroke-width: 1.2; fill: none; }
      .fp32 { fill: #3469b0; } .bf16 { fill: #7a52a8; } .int8 { fill: #23764f; } .peer { fill: #98a1ae; }
      .line { fill: none; stroke-width: 2; } .line.fp32 { stroke: #3469b0; } .line.bf16 { stroke: #7a52a8; }
      .line.int8 { stroke: #23764f; } .line.peer { stroke: #98a1ae; stroke-width: 1.5; }
      .folded { opacity: .72; } .line.folded { opacity: 1; stroke-dasharray: 5 3; }
      @media (prefers-color-scheme: dark) {
        text { fill: #e4e7ec; } text.soft { fill: #9aa4b3; } .card { fill: #15181d; } .grid { stroke: #343a45; }
        .base { stroke: #9aa4b3; } .fp32 { fill: #7fb0ee; } .bf16 { fill: #b795e0; } .int8 { fill: #5cc195; }
        .peer { fill: #707987; } .line.fp32 { stroke: #7fb0ee; } .line.bf16 { stroke: #b795e0; }
        .line.int8 { stroke: #5cc195; } .line.peer { stroke: #707987; } .line { fill: none; }
      }
      """;

  private final StringBuilder out = new StringBuilder();

  /** A drawing of this size in its own units; label: for who cannot see it. */
  Svg(double width, double height, String label) {
    out.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\""
                + " aria-label=\"%s\">%n",
            width,
            height,
            escape(label)));
  }

  Svg raw(String content) {
    out.append(content);
    return this;
  }

  Svg text(double x, double y, String classes, String content) {
    return text(x, y, classes, "start", content);
  }

  /** anchor: start, middle or end of the text is at x. */
  Svg text(double x, double y, String classes, String anchor, String content) {
    out.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">%s</text>%n",
            x,
            y,
            classes,
            anchor,
            escape(content)));
    return this;
  }

  Svg rect(double x, double y, double width, double height, String classes) {
    out.append(
        String.format(
            Locale.ROOT,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" class=\"%s\"/>%n",
            x,
            y,
            width,
            height,
            classes));
    return this;
  }

  Svg line(double x1, double y1, double x2, double y2, String classes) {
    return polyline(List.of(new double[] {x1, y1}, new double[] {x2, y2}), classes);
  }

  Svg polyline(List<double[]> points, String classes) {
    out.append("<polyline points=\"");
    points.forEach(
        point -> out.append(String.format(Locale.ROOT, "%.1f,%.1f ", point[0], point[1])));
    out.append("\" class=\"").append(classes).append("\"/>\n");
    return this;
  }

  /** A dot that says what it stands for when it is pointed at. */
  Svg dot(double x, double y, String classes, String title) {
    out.append(
        String.format(
            Locale.ROOT,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" class=\"%s\"><title>%s</title></circle>%n",
            x,
            y,
            classes,
            escape(title)));
    return this;
  }

  String end() {
    return out.append("</svg>\n").toString();
  }

  /** Text that is safe between tags and in attributes. */
  static String escape(String content) {
    return content
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
