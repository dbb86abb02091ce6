package maque.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The plots and the table of a run as one HTML file that needs nothing else: no script, no font, no
 * picture from elsewhere. Light or dark as the reader's system is, and readable on a narrow screen.
 */
final class Page {
  /** Tasks whose distributions are drawn. */
  private static final List<String> DISTRIBUTIONS =
      List.of("document-1", "sequence-1x24", "sequence128-label", "teacher-1");

  private final StringBuilder out = new StringBuilder(1 << 15);
  private final List<Map<String, Object>> rows;

  private Page(List<Map<String, Object>> rows) {
    this.rows = rows;
  }

  /** The page of a run's rows. */
  static String html(List<Map<String, Object>> rows) {
    return new Page(rows).page();
  }

  private String page() {
    String title = "Maque's benchmarks";
    out.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    element("title", title);
    out.append("<style>\n")
        .append(STYLE)
        .append(Svg.STYLE)
        .append("</style>\n</head>\n<body>\n<main>\n");
    element("h1", title);
    element("p", "Measured on " + Rows.text(rows.get(0), "cpu") + ". " + INTRODUCTION);
    if (((Map<?, ?>) rows.get(0).get("environment")).get("capped") instanceof String capped) {
      element("p", "Capped: " + capped + ".");
    }
    ratios();
    students();
    distributions();
    roofline();
    table();
    facts();
    return out.append("</main>\n</body>\n</html>\n").toString();
  }

  private void ratios() {
    List<Map<String, Object>> compared = Rows.compared(rows);
    if (compared.isEmpty()) {
      return;
    }
    element("h2", "Beside the fastest peer");
    element(
        "p",
        "Bars to the right of 1: that many times as fast as the fastest of ONNX Runtime and"
            + " LibTorch (or Hugging Face's tokenizers). Blue is fp32, violet bf16, green int8;"
            + " paler where the student's table is folded. Bars end at 30; the numbers go on.");
    plots(halves(compared).stream().map(half -> Charts.ratios("Times as fast", half)).toList());
  }

  /** Whole groups of rows in two parts of about one length. */
  private static List<List<Map<String, Object>>> halves(List<Map<String, Object>> rows) {
    List<Map<String, Object>> first = new ArrayList<>();
    List<Map<String, Object>> second = new ArrayList<>();
    for (List<Map<String, Object>> group : Rows.byWork(rows).values()) {
      (first.size() < (rows.size() + 1) / 2 ? first : second).addAll(group);
    }
    return second.isEmpty() ? List.of(first) : List.of(first, second);
  }

  private void students() {
    List<Map<String, Object>> own =
        rows.stream()
            .filter(row -> Rows.has(row, "ratio"))
            .filter(
                row -> Rows.text(row, "peer_name").equals(Contender.shown(Contender.MAQUE_TEACHER)))
            .toList();
    if (!own.isEmpty()) {
      element("h2", "Student against teacher");
      plots(List.of(Charts.students("Time, logarithmic", own)));
    }
  }

  private void distributions() {
    List<String> charts = new ArrayList<>();
    for (String task : DISTRIBUTIONS) {
      List<Map<String, Object>> of =
          rows.stream()
              .filter(row -> Rows.text(row, "task").equals(task) && Rows.has(row, "distribution"))
              .toList();
      if (!of.isEmpty()) {
        charts.add(Charts.distribution(Rows.text(of.get(0), "work"), of));
      }
    }
    if (!charts.isEmpty()) {
      element("h2", "Latency");
      element("p", "Time of a call that so many per cent of calls do not exceed.");
      plots(charts);
    }
  }

  @SuppressWarnings("unchecked") // as Report writes it
  private void roofline() {
    List<Map<String, Object>> bound =
        rows.stream().filter(row -> Rows.has(row, "intensity") && Rows.has(row, "gflops")).toList();
    if (!bound.isEmpty()) {
      element("h2", "Below the roof");
      plots(
          List.of(
              Charts.roofline(
                  "What the core can do, and what is reached",
                  (Map<String, Object>) rows.get(0).get("limits"),
                  bound)));
    }
  }

  private void plots(List<String> svgs) {
    out.append("<div class=\"plots\">\n");
    svgs.forEach(out::append);
    out.append("</div>\n");
  }

  private void table() {
    element("h2", "All figures");
    out.append("<div class=\"scroll\"><table>\n<tr>");
    for (String name :
        List.of(
            "Work",
            "Flavour",
            "Maque",
            "p99",
            "p99.9",
            "Best peer",
            "Its time",
            "Ratio",
            "GFLOP/s",
            "Limit",
            "Reached")) {
      element("th", name);
    }
    out.append("</tr>\n");
    rows.stream().skip(1).forEach(this::row);
    out.append("</table></div>\n");
  }

  private void row(Map<String, Object> row) {
    out.append("<tr>");
    element("th", Rows.text(row, "work"));
    element("td", Rows.text(row, "flavour"));
    element("td", Rows.shown(row, "maque"));
    for (String key : List.of("p99", "p99.9")) {
      element("td", Rows.has(row, key) ? Rows.shown(row, key) : "");
    }
    element("td", Rows.text(row, "peer_name"));
    element("td", Rows.has(row, "peer") ? Rows.shown(row, "peer") : "");
    element("td", number(row, "ratio", ""));
    element("td", number(row, "gflops", ""));
    element("td", Report.limit(row));
    element("td", number(row, "percent_of_limit", " %"));
    out.append("</tr>\n");
  }

  private static String number(Map<String, Object> row, String key, String unit) {
    return Rows.has(row, key) ? Report.number(Rows.number(row, key)) + unit : "";
  }

  private void facts() {
    element("h2", "Measured on");
    out.append("<div class=\"scroll\"><table class=\"facts\">\n");
    for (String part : List.of("environment", "limits")) {
      ((Map<?, ?>) rows.get(0).get(part))
          .forEach(
              (key, value) -> {
                out.append("<tr>");
                element("th", String.valueOf(key).replace('_', ' '));
                element(
                    "td", value instanceof Number n ? Report.number(n.doubleValue()) : "" + value);
                out.append("</tr>\n");
              });
    }
    out.append("</table></div>\n");
  }

  private void element(String tag, String content) {
    out.append('<').append(tag).append('>').append(Svg.escape(content));
    out.append("</").append(tag).append(">\n");
  }

  private static final String INTRODUCTION =
      "The same weights and inputs for all, one thread on one core; contenders take turns in one"
          + " process, and a figure is the median of its rounds' medians. A row's limit is"
          + " the sum over its parts of the later of two times: its arithmetic at the core's"
          + " measured peak, and what it must read at the measured bandwidth of the level that"
          + " holds it.";

  private static final String STYLE =
      """
      :root { color-scheme: light dark; --text: #1d2430; --soft: #5b6575; --page: #fbfbf9; --line: #d9dce2; }
      @media (prefers-color-scheme: dark) {
        :root { --text: #e4e7ec; --soft: #9aa4b3; --page: #15181d; --line: #343a45; }
      }
      body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
      main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
      h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
      p { max-width: 46rem; }
      .scroll { overflow-x: auto; }
      table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
      th, td { padding: .25rem .5rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
      td { white-space: nowrap; } th:first-child { text-align: left; padding-left: 0; min-width: 13rem; font-weight: 500; }
      tr:first-child th { color: var(--soft); }
      .facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; } .facts tr:first-child th { color: inherit; }
      .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 1.5rem 2.5rem; }
      .plots svg { width: 100%; max-width: 40rem; height: auto; }
      """;
}
