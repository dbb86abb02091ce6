package maque.training;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.runtime.AtomicFiles;
import maque.runtime.StorageException;

/**
 * The report as one HTML file that needs nothing else: no script, no font, no picture from
 * elsewhere. Light or dark as the reader's system is, and readable on a narrow screen.
 */
public final class HtmlReport {
  private final StringBuilder out = new StringBuilder(1 << 15);
  private final ReportData data;

  private HtmlReport(ReportData data) {
    this.data = data;
  }

  /**
   * Writes the page.
   *
   * @throws StorageException where it cannot be written
   */
  public static void write(Path file, ReportData data) {
    AtomicFiles.write(file, html(data).getBytes(StandardCharsets.UTF_8));
  }

  /** The page as text. */
  public static String html(ReportData data) {
    return new HtmlReport(data).page();
  }

  private String page() {
    out.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    element("title", data.title());
    out.append("<style>\n").append(STYLE).append("</style>\n</head>\n<body>\n<main>\n");
    element("h1", data.title());
    out.append("<p class=\"verdict ")
        .append(data.verdict().outcome().name().toLowerCase(Locale.ROOT))
        .append("\">");
    text(data.verdict().text());
    out.append("</p>\n");
    if (!data.intro().isEmpty()) {
      element("p", data.intro());
    }
    summary();
    plots();
    comparisons();
    for (ReportData.Model model : data.models()) {
      model(model);
    }
    data.sections().forEach(section -> section(section.title(), section.values()));
    if (!data.next().isEmpty()) {
      element("h2", "Next");
      out.append("<pre>");
      text(data.next());
      out.append("</pre>\n");
    }
    return out.append("</main>\n</body>\n</html>\n").toString();
  }

  private void summary() {
    element("h2", "Models");
    tableHead(
        "Model",
        "Accuracy",
        "Macro F1",
        "Agrees with the first",
        "Parameters",
        "All texts, s",
        "One text, median µs",
        "99 %, µs",
        "Speed");
    Evaluation.Result first = data.models().get(0).evaluation();
    for (ReportData.Model model : data.models()) {
      Evaluation.Result result = model.evaluation();
      row(
          result.name(),
          number("%.2f %%", 100 * result.report().accuracy()),
          number("%.4f", result.report().macroAverage().f1()),
          number("%.2f %%", 100 * first.agreement(result)),
          number("%,d", result.parameters()),
          number("%.2f", result.seconds()),
          number("%,.1f", result.medianMicros()),
          number("%,.1f", result.slowMicros()),
          number("%,.1f×", first.medianMicros() / result.medianMicros()));
    }
    tableEnd();
  }

  private void plots() {
    out.append("<div class=\"plots\">\n");
    List<SvgPlots.Bar> accuracy =
        data.models().stream()
            .map(ReportData.Model::evaluation)
            .map(
                r ->
                    new SvgPlots.Bar(
                        r.name(),
                        r.report().accuracy(),
                        number("%.1f %%", 100 * r.report().accuracy())))
            .toList();
    List<SvgPlots.Bar> latency =
        data.models().stream()
            .map(ReportData.Model::evaluation)
            .map(
                r ->
                    new SvgPlots.Bar(
                        r.name(), r.medianMicros(), number("%,.1f µs", r.medianMicros())))
            .toList();
    out.append(SvgPlots.bars("Accuracy", accuracy, false));
    out.append(SvgPlots.bars("Time of one prediction (logarithmic)", latency, true));
    if (data.models().stream().anyMatch(model -> model.learning().size() > 1)) {
      out.append(SvgPlots.learning("Accuracy on dev while training", data.models()));
    }
    out.append("</div>\n");
  }

  private void comparisons() {
    if (data.comparisons().isEmpty()) {
      return;
    }
    element("h2", "Comparisons");
    tableHead(
        "Baseline",
        "Model",
        "Gain, points",
        "95 % interval",
        "Only the baseline right",
        "Only the model right",
        "McNemar p");
    for (ReportData.Comparison comparison : data.comparisons()) {
      PairedComparison n = comparison.numbers();
      row(
          comparison.baseline(),
          comparison.model(),
          number("%+.2f", 100 * n.gain()),
          number("%+.2f to ", 100 * n.low()) + number("%+.2f", 100 * n.high()),
          number("%,d", n.onlyA()),
          number("%,d", n.onlyB()),
          n.pValue() < 1e-4 ? "< 0.0001" : number("%.4f", n.pValue()));
    }
    tableEnd();
    element(
        "p",
        "Intervals by the bootstrap over test texts (10,000 resamples, percentiles); p by McNemar's"
            + " exact test. Both are about this test set, not about another seed of training.");
  }

  private void model(ReportData.Model model) {
    Evaluation.Result result = model.evaluation();
    ClassificationReport report = result.report();
    element("h2", result.name());
    tableHead("Class", "Precision", "Recall", "F1", "Support");
    for (int c = 0; c < report.labels().size(); c++) {
      reportRow(report.row(c));
    }
    row("accuracy", "", "", number("%.4f", report.accuracy()), number("%,d", report.total()));
    reportRow(report.macroAverage());
    reportRow(report.weightedAverage());
    tableEnd();
    confusion(report);
    if (!model.training().isEmpty()) {
      out.append("<details><summary>How it was made</summary>\n");
      table(model.training());
      out.append("</details>\n");
    }
  }

  private void reportRow(ClassificationReport.Row row) {
    row(
        row.name(),
        number("%.4f", row.precision()),
        number("%.4f", row.recall()),
        number("%.4f", row.f1()),
        number("%,d", row.support()));
  }

  /** Shaded by the part of the row's texts. */
  private void confusion(ClassificationReport report) {
    out.append("<details><summary>Confusion matrix (rows: truth, columns: prediction)</summary>\n");
    out.append("<div class=\"scroll\"><table class=\"confusion\">\n<tr><th></th>");
    for (String label : report.labels()) {
      element("th", label);
    }
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
    out.append("</table></div>\n</details>\n");
  }

  private void section(String title, Map<String, String> values) {
    element("h2", title);
    table(values);
  }

  private void table(Map<String, String> values) {
    out.append("<div class=\"scroll\"><table class=\"facts\">\n");
    values.forEach(
        (name, value) -> {
          out.append("<tr>");
          element("th", name);
          element("td", value);
          out.append("</tr>\n");
        });
    tableEnd();
  }

  private void tableHead(String... names) {
    out.append("<div class=\"scroll\"><table>\n<tr>");
    for (String name : names) {
      element("th", name);
    }
    out.append("</tr>\n");
  }

  private void row(String name, String... cells) {
    out.append("<tr>");
    element("th", name);
    for (String cell : cells) {
      element("td", cell);
    }
    out.append("</tr>\n");
  }

  private void tableEnd() {
    out.append("</table></div>\n");
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  private void element(String tag, String content) {
    out.append('<').append(tag).append('>');
    text(content);
    out.append("</").append(tag).append(">\n");
  }

  private void text(String content) {
    out.append(escape(content));
  }

  /** Text that is safe between tags and in attributes. */
  static String escape(String content) {
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
      .scroll { overflow-x: auto; }
      table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
      th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
      td { white-space: nowrap; } th { vertical-align: bottom; line-height: 1.25; }
      @media (max-width: 40rem) { th, td { padding: .25rem .3rem; } }
      th:first-child { text-align: left; padding-left: 0; min-width: 7rem; } tr:first-child th { color: var(--soft); font-weight: 500; }
      .facts th, .facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
      .facts tr:first-child th { color: inherit; } .facts th { font-weight: 500; min-width: 9rem; }
      .confusion td.right { background: color-mix(in srgb, var(--good) calc(var(--part) * 60%), transparent); }
      .confusion td.wrong { background: color-mix(in srgb, var(--bad) calc(var(--part) * 90%), transparent); }
      .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; margin-top: 1.5rem; }
      svg { width: 100%; height: auto; } svg text { fill: var(--text); font: 13px system-ui, sans-serif; }
      summary { cursor: pointer; color: var(--soft); margin: .5rem 0; }
      pre { overflow-x: auto; padding: .6rem 1rem; border: 1px solid var(--line); }
      """;
}
