package maque.training;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.runtime.AtomicFiles;
import maque.runtime.StorageException;

/**
 * An HTML file that needs nothing else: no script, no font, no picture from elsewhere. Light or
 * dark as the reader's system is, and readable on a narrow screen. Content is escaped; parts follow
 * each other as they are added.
 */
public final class HtmlPage {
  private final StringBuilder out = new StringBuilder(1 << 15);

  /** Begins a page. */
  public HtmlPage(String title) {
    out.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    element("title", title);
    out.append("<style>\n").append(STYLE).append("</style>\n</head>\n<body>\n<main>\n");
    element("h1", title);
  }

  /** A sentence that stands out; {@code outcome} is paid, cost or undecided. */
  public HtmlPage verdict(String outcome, String sentence) {
    out.append("<p class=\"verdict ").append(escape(outcome)).append("\">");
    out.append(escape(sentence)).append("</p>\n");
    return this;
  }

  public HtmlPage heading(String title) {
    return element("h2", title);
  }

  public HtmlPage subheading(String title) {
    return element("h3", title);
  }

  public HtmlPage paragraph(String content) {
    return element("p", content);
  }

  /** Lines as they are, such as commands. */
  public HtmlPage lines(String content) {
    out.append("<pre>").append(escape(content)).append("</pre>\n");
    return this;
  }

  /** A table of figures: its head, then rows with a name first. */
  public HtmlPage table(List<String> head, List<List<String>> rows) {
    return table("", head, rows);
  }

  /** A table whose last column is text of any length. */
  public HtmlPage textTable(List<String> head, List<List<String>> rows) {
    return table(" class=\"texts\"", head, rows);
  }

  private HtmlPage table(String attribute, List<String> head, List<List<String>> rows) {
    out.append("<div class=\"scroll\"><table").append(attribute).append(">\n<tr>");
    head.forEach(name -> element("th", name));
    out.append("</tr>\n");
    for (List<String> row : rows) {
      out.append("<tr>");
      for (int i = 0; i < row.size(); i++) {
        element(i == 0 ? "th" : "td", row.get(i));
      }
      out.append("</tr>\n");
    }
    out.append("</table></div>\n");
    return this;
  }

  /** Names and values. */
  public HtmlPage facts(Map<String, String> values) {
    out.append("<div class=\"scroll\"><table class=\"facts\">\n");
    values.forEach(
        (name, value) -> {
          out.append("<tr>");
          element("th", name);
          element("td", value);
          out.append("</tr>\n");
        });
    out.append("</table></div>\n");
    return this;
  }

  /** What follows up to {@link #closeDetails} is shown when its summary is opened. */
  public HtmlPage openDetails(String summary) {
    out.append("<details>");
    element("summary", summary);
    return this;
  }

  public HtmlPage closeDetails() {
    out.append("</details>\n");
    return this;
  }

  /** SVG elements beside each other as far as there is room. */
  public HtmlPage plots(List<String> svg) {
    out.append("<div class=\"plots\">\n");
    svg.forEach(out::append);
    out.append("</div>\n");
    return this;
  }

  /** Precision, recall, F1 and support of each class, accuracy and averages. */
  public HtmlPage classes(ClassificationReport report) {
    out.append("<div class=\"scroll\"><table>\n<tr>");
    List.of("", "precision", "recall", "f1-score", "support").forEach(name -> element("th", name));
    out.append("</tr>\n");
    for (int c = 0; c < report.labels().size(); c++) {
      reportRow(report.row(c));
    }
    out.append("<tr class=\"rule\">");
    element("th", "accuracy");
    element("td", "").element("td", "");
    element("td", number("%.4f", report.accuracy()));
    element("td", number("%,d", report.total()));
    out.append("</tr>\n");
    reportRow(report.macroAverage());
    reportRow(report.weightedAverage());
    out.append("</table></div>\n");
    return this;
  }

  private void reportRow(ClassificationReport.Row row) {
    out.append("<tr>");
    element("th", row.name());
    element("td", number("%.4f", row.precision()));
    element("td", number("%.4f", row.recall()));
    element("td", number("%.4f", row.f1()));
    element("td", number("%,d", row.support()));
    out.append("</tr>\n");
  }

  /** Rows: truth, columns: prediction, shaded by the part of the row's texts. */
  public HtmlPage confusion(ClassificationReport report) {
    out.append("<div class=\"scroll\"><table class=\"confusion\">\n<tr><th></th>");
    report.labels().forEach(label -> element("th", label));
    out.append("</tr>\n");
    for (int gold = 0; gold < report.labels().size(); gold++) {
      out.append("<tr>");
      element("th", report.labels().get(gold));
      int support = Math.max(1, report.row(gold).support());
      for (int predicted = 0; predicted < report.labels().size(); predicted++) {
        int count = report.confusion(gold, predicted);
        out.append("<td class=\"")
            .append(gold == predicted ? "right" : "wrong")
            .append("\" style=\"--part:")
            .append(number("%.3f", (double) count / support))
            .append("\">")
            .append(count)
            .append("</td>");
      }
      out.append("</tr>\n");
    }
    out.append("</table></div>\n");
    return this;
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  private HtmlPage element(String tag, String content) {
    out.append('<').append(tag).append('>');
    out.append(escape(content));
    out.append("</").append(tag).append(">\n");
    return this;
  }

  /** The page as text. */
  public String html() {
    return out + "</main>\n</body>\n</html>\n";
  }

  /**
   * Writes the page.
   *
   * @throws StorageException where it cannot be written
   */
  public void write(Path file) {
    AtomicFiles.write(file, html().getBytes(StandardCharsets.UTF_8));
  }

  /** Text that is safe between tags and in attributes. */
  public static String escape(String content) {
    StringBuilder safe = new StringBuilder(content.length() + 16);
    content
        .codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '&' -> safe.append("&amp;");
                case '<' -> safe.append("&lt;");
                case '>' -> safe.append("&gt;");
                case '"' -> safe.append("&quot;");
                case '\'' -> safe.append("&#39;");
                default -> safe.appendCodePoint(legal(c) ? c : 0xFFFD);
              }
            });
    return safe.toString();
  }

  private static boolean legal(int c) {
    return (c >= 0x20 || c == '\n' || c == '\t') && (c < 0xD800 || c > 0xDFFF);
  }

  private static final String STYLE =
      """
      :root { color-scheme: light dark; --text: #1d2430; --soft: #5b6575; --page: #fbfbf9; --line: #d9dce2;
        --good: #23764f; --bad: #a8342b; --mark: #3469b0; --second: #b0702a; --third: #7a52a8; --fourth: #2a8a8a; }
      @media (prefers-color-scheme: dark) {
        :root { --text: #e4e7ec; --soft: #9aa4b3; --page: #15181d; --line: #343a45;
          --good: #5cc195; --bad: #e58379; --mark: #7fb0ee; --second: #e0a565; --third: #b795e0; --fourth: #63c4c4; }
      }
      body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
      main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
      h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
      .verdict { border-left: 4px solid var(--mark); padding: .6rem 1rem; font-size: 1.1rem; }
      .verdict.paid { border-color: var(--good); } .verdict.cost { border-color: var(--bad); }
      .scroll { overflow-x: auto; } .scroll + .scroll { margin-top: 1.2rem; }
      table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
      th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
      td { white-space: nowrap; } th, td { vertical-align: baseline; } th { line-height: 1.25; } tr:first-child th { vertical-align: bottom; }
      @media (max-width: 40rem) { th, td { padding: .25rem .3rem; } }
      th:first-child { text-align: left; padding-left: 0; min-width: 7rem; } tr:first-child th { color: var(--soft); font-weight: 500; }
      .facts th, .facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
      .facts tr:first-child th { color: inherit; } .facts th { font-weight: 500; min-width: 9rem; }
      .confusion td.right { background: color-mix(in srgb, var(--good) calc(var(--part) * 60%), transparent); }
      .confusion td.wrong { background: color-mix(in srgb, var(--bad) calc(var(--part) * 90%), transparent); }
      .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; margin-top: 1.5rem; }
      .texts td:last-child, .texts th:last-child { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
      h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; } .rule th, .rule td { border-top: 2px solid var(--line); }
      .facts td { white-space: pre-line; }
      svg { width: 100%; max-width: 34rem; height: auto; } svg text { fill: var(--text); font: 13px system-ui, sans-serif; }
      summary { cursor: pointer; color: var(--soft); margin: .5rem 0; }
      pre { overflow-x: auto; padding: .6rem 1rem; border: 1px solid var(--line); }
      """;
}
