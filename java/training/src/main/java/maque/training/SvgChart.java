package maque.training;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A chart with two axes as an SVG element that takes its colours from the page: dots and lines with
 * a legend below. A series has a colour and a shape of its own.
 */
public final class SvgChart {
  private static final int WIDTH = 480;
  private static final int LEFT = 52;
  private static final int RIGHT = 16;
  private static final int TOP = 34;
  private static final int PLOT = 230;
  private static final List<String> COLOURS =
      List.of("soft", "mark", "good", "second", "third", "fourth", "bad");

  /**
   * An axis.
   *
   * @param unit how a number is written, such as {@code "%.0f %%"}; empty: with as many digits as
   *     it takes
   * @param low where the axis begins; above 0 where it is logarithmic
   */
  public record Axis(String label, String unit, double low, double high, boolean logarithmic) {
    /** An axis that holds these values with some room. */
    public static Axis around(String label, String unit, boolean logarithmic, double... values) {
      double low = Double.POSITIVE_INFINITY;
      double high = Double.NEGATIVE_INFINITY;
      for (double value : values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      if (!(low <= high)) {
        return new Axis(label, unit, logarithmic ? 1 : 0, 10, logarithmic);
      }
      if (logarithmic) {
        return new Axis(label, unit, Math.max(low, 1e-9) / 1.6, Math.max(high, 1e-9) * 1.6, true);
      }
      double room = Math.max((high - low) * 0.08, Math.abs(high) * 1e-3 + 1e-9);
      return new Axis(label, unit, low - room, high + room, false);
    }

    private double part(double value) {
      return logarithmic
          ? Math.log(value / low) / Math.log(high / low)
          : (value - low) / (high - low);
    }

    /** Round numbers within the axis. */
    private List<Double> ticks() {
      List<Double> ticks = new ArrayList<>();
      if (logarithmic) {
        boolean wide = Math.log10(high / low) > 2.5;
        for (int e = (int) Math.floor(Math.log10(low)); e <= Math.log10(high); e++) {
          for (double m : wide ? new double[] {1} : new double[] {1, 2, 5}) {
            add(ticks, m * Math.pow(10, e));
          }
        }
        return ticks;
      }
      double raw = (high - low) / 5;
      double power = Math.pow(10, Math.floor(Math.log10(raw)));
      double step = raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10;
      for (double k = Math.ceil(low / (step * power)); k * step * power <= high; k++) {
        add(ticks, k * step * power);
      }
      return ticks;
    }

    private void add(List<Double> ticks, double value) {
      if (value >= low && value <= high) {
        ticks.add(value);
      }
    }
  }

  /** A point of a series. */
  public record Point(double x, double y) {}

  private final String title;
  private final Axis x;
  private final Axis y;
  private final StringBuilder marks = new StringBuilder();
  private final List<String> legend = new ArrayList<>();

  public SvgChart(String title, Axis x, Axis y) {
    this.title = title;
    this.x = x;
    this.y = y;
  }

  /** Dots; a series without a point is left out. */
  public SvgChart dots(String name, List<Point> points) {
    if (points.isEmpty()) {
      return this;
    }
    int series = legend.size();
    for (Point point : points) {
      marks.append(shape(series, px(point.x()), py(point.y()), name, point));
    }
    legend.add(name);
    return this;
  }

  /** A line through points in their order, each with a small dot. */
  public SvgChart line(String name, List<Point> points) {
    if (points.isEmpty()) {
      return this;
    }
    int series = legend.size();
    marks.append("<polyline points=\"");
    for (Point point : points) {
      marks.append(number("%.1f", px(point.x()))).append(',');
      marks.append(number("%.1f", py(point.y()))).append(' ');
    }
    marks.append("\" style=\"fill:none;stroke-width:2;stroke:var(--" + colour(series) + ")\"/>\n");
    if (points.size() <= 40) {
      for (Point point : points) {
        marks.append(shape(series, px(point.x()), py(point.y()), name, point));
      }
    }
    legend.add(name);
    return this;
  }

  /** A thin dashed line without a name, such as where both axes are equal. */
  public SvgChart guide(double x0, double y0, double x1, double y1) {
    marks.append(
        String.format(
            Locale.ROOT,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\""
                + " style=\"stroke:var(--soft);stroke-dasharray:4 4\"/>\n",
            px(x0),
            py(y0),
            px(x1),
            py(y1)));
    return this;
  }

  private double px(double value) {
    return LEFT + x.part(value) * (WIDTH - LEFT - RIGHT);
  }

  private double py(double value) {
    return TOP + PLOT - y.part(value) * PLOT;
  }

  private static String colour(int series) {
    return COLOURS.get(series % COLOURS.size());
  }

  /** A mark that shows its numbers when pointed at. */
  private String shape(int series, double cx, double cy, String name, Point point) {
    String told = name + ": " + text(x, point.x()) + ", " + text(y, point.y());
    return "<g><title>" + HtmlPage.escape(told) + "</title>" + mark(series, cx, cy) + "</g>\n";
  }

  private static String mark(int series, double cx, double cy) {
    String style = "style=\"fill:var(--" + colour(series) + ")\"/>";
    return switch (series % 4) {
      case 0 -> number("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" ", cx, cy) + style;
      case 1 ->
          number("<rect x=\"%.1f\" y=\"%.1f\" width=\"9\" height=\"9\" ", cx - 4.5, cy - 4.5)
              + style;
      case 2 -> polygon(style, cx, cy - 6, cx + 6, cy + 5, cx - 6, cy + 5);
      default -> polygon(style, cx, cy - 6, cx + 6, cy, cx, cy + 6, cx - 6, cy);
    };
  }

  private static String polygon(String style, double... corners) {
    StringBuilder out = new StringBuilder("<polygon points=\"");
    for (int i = 0; i < corners.length; i += 2) {
      out.append(number("%.1f,", corners[i])).append(number("%.1f ", corners[i + 1]));
    }
    return out.append("\" ").append(style).toString();
  }

  private static String text(Axis axis, double value) {
    if (axis.unit().isEmpty()) {
      return new BigDecimal(value).round(new MathContext(3)).stripTrailingZeros().toPlainString();
    }
    return number(axis.unit(), value);
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** The element. */
  public String svg() {
    int bottom = TOP + PLOT;
    int height = bottom + 46 + 20 * legend.size();
    StringBuilder out =
        new StringBuilder(
            number("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height)
                + HtmlPage.escape(title)
                + "\">\n");
    label(out, 0, 16, "start", title, "font-weight:600");
    for (double tick : x.ticks()) {
      grid(out, px(tick), TOP, px(tick), bottom);
      label(out, px(tick), bottom + 16, "middle", text(x, tick), "");
    }
    for (double tick : y.ticks()) {
      grid(out, LEFT, py(tick), WIDTH - RIGHT, py(tick));
      label(out, LEFT - 6, py(tick) + 4, "end", text(y, tick), "");
    }
    label(out, (LEFT + WIDTH - RIGHT) / 2.0, bottom + 33, "middle", x.label(), "");
    out.append(marks);
    for (int i = 0; i < legend.size(); i++) {
      int at = bottom + 54 + 20 * i;
      out.append(mark(i, LEFT + 6, at - 4)).append('\n');
      label(out, LEFT + 20, at, "start", legend.get(i), "");
    }
    return out.append("</svg>\n").toString();
  }

  private static void grid(StringBuilder out, double x0, double y0, double x1, double y1) {
    out.append(
        number(
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\""
                + " style=\"stroke:var(--line)\"/>\n",
            x0, y0, x1, y1));
  }

  private static void label(
      StringBuilder out, double at, double base, String anchor, String content, String style) {
    out.append(number("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"", at, base, anchor));
    if (!style.isEmpty()) {
      out.append(" style=\"").append(style).append('"');
    }
    out.append('>').append(HtmlPage.escape(content)).append("</text>\n");
  }
}
