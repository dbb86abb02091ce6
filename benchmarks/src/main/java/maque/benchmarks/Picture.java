package maque.benchmarks;

import java.util.List;
import java.util.Map;

/** One picture of a run for a README: what was compared with other libraries. */
final class Picture {
  private static final double WIDTH = 980;
  private static final double LEFT = 400;
  private static final int BAR = 18;

  private Picture() {}

  /** An SVG file without scripts or fonts of its own. */
  static String svg(List<Map<String, Object>> rows) {
    List<Map<String, Object>> compared = Rows.compared(rows);
    Map<String, List<Map<String, Object>>> groups = Rows.byWork(compared);
    double height = 92 + groups.size() * 12 + compared.size() * BAR;
    String title = "Speed beside the fastest of ONNX Runtime and LibTorch, one core";
    Svg svg = new Svg(WIDTH, height, title);
    svg.raw("<style>\n" + Svg.STYLE + "</style>\n");
    svg.rect(0, 0, WIDTH, height, "card");
    svg.text(20, 30, "title", title);
    svg.text(20, 52, "soft", Rows.text(rows.get(0), "cpu"));
    double[] range = Charts.ratioRange(compared);
    Charts.Axis axis = new Charts.Axis(range[0], range[1], LEFT, WIDTH - 170);
    Charts.scale(svg, axis, 74, height - 12);
    double y = 80;
    for (Map.Entry<String, List<Map<String, Object>>> group : groups.entrySet()) {
      svg.text(20, y + 12, "", group.getKey());
      for (Map<String, Object> row : group.getValue()) {
        Charts.bar(svg, axis, row, y, BAR - 4);
        svg.line(axis.at(1), y - 3, axis.at(1), y + BAR - 2, "base");
        y += BAR;
      }
      y += 12;
    }
    return svg.end();
  }
}
