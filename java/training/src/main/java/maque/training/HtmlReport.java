package maque.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import maque.runtime.StorageException;

/**
 * The report as one HTML file that needs nothing else: no script, no font, no picture from
 * elsewhere. Light or dark as the reader's system is, and readable on a narrow screen.
 */
public final class HtmlReport {
  private final HtmlPage page;
  private final ReportData data;

  private HtmlReport(ReportData data) {
    this.data = data;
    page = new HtmlPage(data.title());
  }

  /**
   * Writes the page.
   *
   * @throws StorageException where it cannot be written
   */
  public static void write(Path file, ReportData data) {
    new HtmlReport(data).page().write(file);
  }

  /** The page as text. */
  public static String html(ReportData data) {
    return new HtmlReport(data).page().html();
  }

  private HtmlPage page() {
    page.verdict(data.verdict().outcome().name().toLowerCase(Locale.ROOT), data.verdict().text());
    if (!data.intro().isEmpty()) {
      page.paragraph(data.intro());
    }
    summary();
    plots();
    comparisons();
    for (ReportData.Model model : data.models()) {
      model(model);
    }
    data.sections().forEach(section -> page.heading(section.title()).facts(section.values()));
    if (!data.next().isEmpty()) {
      page.heading("Next").lines(data.next());
    }
    return page;
  }

  private void summary() {
    Evaluation.Result first = data.models().get(0).evaluation();
    List<List<String>> rows = new ArrayList<>();
    for (ReportData.Model model : data.models()) {
      Evaluation.Result result = model.evaluation();
      rows.add(
          List.of(
              result.name(),
              number("%.2f %%", 100 * result.report().accuracy()),
              number("%.4f", result.report().macroAverage().f1()),
              number("%.2f %%", 100 * first.agreement(result)),
              number("%,d", result.parameters()),
              number("%.2f", result.seconds()),
              number("%,.1f", result.medianMicros()),
              number("%,.1f", result.slowMicros()),
              number("%,.1f×", first.medianMicros() / result.medianMicros())));
    }
    page.heading("Models")
        .table(
            List.of(
                "Model",
                "Accuracy",
                "Macro F1",
                "Agrees with the first",
                "Parameters",
                "All texts, s",
                "One text, median µs",
                "99 %, µs",
                "Speed"),
            rows);
  }

  private void plots() {
    List<String> plots = new ArrayList<>();
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
    plots.add(SvgPlots.bars("Accuracy", accuracy, false));
    plots.add(SvgPlots.bars("Time of one prediction (logarithmic)", latency, true));
    if (data.models().stream().anyMatch(model -> model.learning().size() > 1)) {
      plots.add(SvgPlots.learning("Accuracy on dev while training", data.models()));
    }
    page.plots(plots);
  }

  private void comparisons() {
    if (data.comparisons().isEmpty()) {
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    for (ReportData.Comparison comparison : data.comparisons()) {
      PairedComparison n = comparison.numbers();
      rows.add(
          List.of(
              comparison.baseline(),
              comparison.model(),
              number("%+.2f", 100 * n.gain()),
              number("%+.2f to ", 100 * n.low()) + number("%+.2f", 100 * n.high()),
              number("%,d", n.onlyA()),
              number("%,d", n.onlyB()),
              n.pValue() < 1e-4 ? "< 0.0001" : number("%.4f", n.pValue())));
    }
    page.heading("Comparisons")
        .table(
            List.of(
                "Baseline",
                "Model",
                "Gain, points",
                "95 % interval",
                "Only the baseline right",
                "Only the model right",
                "McNemar p"),
            rows)
        .paragraph(
            "Intervals by the bootstrap over test texts (10,000 resamples, percentiles); p by"
                + " McNemar's exact test. Both are about this test set, not about another seed of"
                + " training.");
  }

  private void model(ReportData.Model model) {
    Evaluation.Result result = model.evaluation();
    page.heading(result.name())
        .classes(result.report())
        .openDetails("Confusion matrix (rows: truth, columns: prediction)")
        .confusion(result.report())
        .closeDetails();
    if (!model.training().isEmpty()) {
      page.openDetails("How it was made").facts(model.training()).closeDetails();
    }
  }

  private static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
