package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import maque.training.Calibration;
import maque.training.DataCheck;
import maque.training.DataSet;
import maque.training.Deferral;
import maque.training.Evaluation;
import maque.training.HtmlPage;
import maque.training.PairedComparison;
import maque.training.SeedComparison;
import maque.training.SvgChart;

/** The experiment's report: one page that answers whether it paid, and shows on what grounds. */
final class DistilReport {
  private static final int DIFFERENCES = 20;

  private final DistilResult result;
  private final Map<String, Double> seconds;
  private final String command;
  private final List<Curve> curves;
  private final HtmlPage page;
  private final DistilCharts charts;

  /**
   * Accuracy over a number of texts, for some ways of training.
   *
   * @param title what is counted
   * @param lines points of each way, by its title
   */
  record Curve(String title, String axis, Map<String, List<SvgChart.Point>> lines) {}

  private DistilReport(
      DistilResult result, Map<String, Double> seconds, List<Curve> curves, String command) {
    this.result = result;
    this.seconds = seconds;
    this.curves = curves;
    this.command = command;
    charts = new DistilCharts(result);
    page = new HtmlPage("Did distillation pay?");
  }

  /**
   * Writes the page.
   *
   * @param seconds of each step
   * @param curves none where they were not asked for
   * @param command that made it all
   */
  static void write(
      Path file,
      DistilResult result,
      Map<String, Double> seconds,
      List<Curve> curves,
      String command) {
    DistilReport report = new DistilReport(result, seconds, curves, command);
    report.build();
    report.page.write(file);
  }

  private void build() {
    SeedComparison comparison = result.compare("alone", "distilled");
    String outcome =
        switch (comparison.outcome()) {
          case PAYS -> "paid";
          case DOES_NOT_PAY -> "cost";
          case NOT_PROVEN -> "undecided";
        };
    page.verdict(outcome, result.verdict()).paragraph(intro());
    result.remarks().forEach(page::paragraph);
    models();
    comparisons();
    charts();
    budget();
    numbersOfTexts();
    calibration();
    classes();
    differences();
    DistilProvenance provenance = new DistilProvenance(page, result);
    provenance.dataChecks();
    provenance.recipes();
    provenance.reproduction(seconds, command);
  }

  private String intro() {
    DistilInputs.Loaded data = result.data();
    return String.format(
        Locale.ROOT,
        "%,d labelled texts to train on (%s), %,d unlabelled ones, %d classes; %,d texts to choose"
            + " by (dev), %,d to measure on (test). Everything was chosen on dev; test was scored"
            + " once, at the end. %s of each student, the same seeds for all. “Student alone” is"
            + " the best on dev of %d that take nothing from the teacher: no answers, no"
            + " embeddings.",
        data.train().size(),
        result.drawing(),
        data.transfer() == null ? 0 : data.transfer().size(),
        data.train().labels().size(),
        data.dev().size(),
        data.test().size(),
        seeds(result.way("distilled").members().size()),
        result.way("alone").tried().size());
  }

  private static String seeds(int n) {
    return n == 1 ? "One seed" : n + " seeds";
  }

  private void models() {
    boolean[] repeated = DataCheck.repeated(result.data().train(), result.data().test());
    Evaluation.Result teacher = result.teacher();
    double teacherMicros =
        result.spread(result.way("teacher"), Evaluation.Result::medianMicros).mean();
    List<List<String>> quality = new ArrayList<>();
    List<List<String>> cost = new ArrayList<>();
    for (DistilResult.Measured way : result.ways()) {
      double micros = result.spread(way, Evaluation.Result::medianMicros).mean();
      quality.add(
          List.of(
              way.title(),
              percent(way, result.accuracy(way)),
              percent(way, result.spread(way, r -> r.report().macroAverage().f1())),
              percent(way, result.spread(way, r -> accuracyWithout(r, repeated))),
              percent(way, result.devAccuracy(way)),
              number("%.1f", 100 * result.spread(way, teacher::agreement).mean())));
      cost.add(
          List.of(
              way.title(),
              Durations.ofMicros(micros),
              Durations.ofMicros(result.spread(way, Evaluation.Result::slowMicros).mean()),
              number("%,.1f×", teacherMicros / micros),
              Durations.ofSeconds(result.spread(way, Evaluation.Result::seconds).mean()),
              number("%,d", way.members().get(0).test().parameters()),
              Sizes.of(way.members().get(0).bytes()),
              training(way)));
    }
    page.heading("Models")
        .table(
            List.of(
                "",
                "Accuracy on test, %",
                "Macro F1, %",
                "Accuracy without texts of train, %",
                "Accuracy on dev, %",
                "Agrees with the teacher, %"),
            quality)
        .table(
            List.of(
                "",
                "One text, median",
                "99 % within",
                "Speed",
                "All test texts",
                "Parameters",
                "Weights",
                "Training"),
            cost)
        .paragraph(
            "Mean ± standard deviation over the seeds. Times of answers on one thread, text to"
                + " label, on this machine: read them as ratios.");
  }

  private static double accuracyWithout(Evaluation.Result result, boolean[] skipped) {
    int[] gold = result.gold();
    int[] predicted = result.predicted();
    int all = 0;
    int right = 0;
    for (int i = 0; i < gold.length; i++) {
      if (!skipped[i]) {
        all++;
        right += gold[i] == predicted[i] ? 1 : 0;
      }
    }
    return all == 0 ? Double.NaN : (double) right / all;
  }

  private static String training(DistilResult.Measured way) {
    double seconds =
        way.members().stream()
            .mapToDouble(DistilResult.Member::trainingSeconds)
            .average()
            .orElse(Double.NaN);
    return Double.isNaN(seconds) ? "given" : Durations.ofSeconds(seconds);
  }

  private static String percent(DistilResult.Measured way, SeedComparison.Spread spread) {
    if (Double.isNaN(spread.mean())) {
      return "–";
    }
    return way.members().size() == 1
        ? number("%.2f", 100 * spread.mean())
        : number("%.2f ± %.2f", 100 * spread.mean(), 100 * spread.deviation());
  }

  private void comparisons() {
    List<List<String>> rows = new ArrayList<>();
    for (String[] pair : pairs()) {
      SeedComparison c = result.compare(pair[0], pair[1]);
      rows.add(
          List.of(
              result.way(pair[0]).title() + " → " + result.way(pair[1]).title(),
              c.outcome().toString(),
              number("%+.2f", 100 * c.gain()),
              number("%+.2f to %+.2f", 100 * c.low(), 100 * c.high()),
              p(c.medianP()),
              Double.isNaN(c.tTest()) ? "–" : p(c.tTest())));
    }
    page.heading("Comparisons")
        .table(
            List.of(
                "From → to",
                "Verdict",
                "Gain, points",
                "95 % interval",
                "McNemar p, median",
                "Paired t over seeds, p"),
            rows)
        .paragraph(
            "Seeds are paired. Intervals by the bootstrap over test texts and seeds (10,000"
                + " resamples, percentiles); McNemar's test is exact, for each seed's pair. PAYS:"
                + " the interval lies above 0 and the median p is below 0.05. DOES NOT PAY: the"
                + " whole interval lies below +0.5 points, too little to keep a teacher for. All"
                + " else is NOT PROVEN: more seeds or more test texts would tell.");
    if (result.way("distilled").members().size() > 1) {
      seedTable();
    }
  }

  private List<String[]> pairs() {
    List<String[]> pairs = new ArrayList<>();
    pairs.add(new String[] {"alone", "distilled"});
    for (DistilResult.Measured way : result.ways()) {
      if (!List.of("teacher", "ensemble", "alone", "distilled").contains(way.id())) {
        pairs.add(new String[] {way.id(), "distilled"});
        pairs.add(new String[] {"alone", way.id()});
      }
    }
    return pairs;
  }

  private void seedTable() {
    List<DistilResult.Measured> ways =
        result.ways().stream()
            .filter(way -> way.members().size() > 1 && !way.id().equals("teacher"))
            .toList();
    List<String> head = new ArrayList<>(List.of("Seed"));
    ways.forEach(way -> head.add(way.title()));
    head.add("Distilled less alone");
    head.add("McNemar p");
    List<PairedComparison> pairs = result.compare("alone", "distilled").pairs();
    List<List<String>> rows = new ArrayList<>();
    for (int s = 0; s < pairs.size(); s++) {
      List<String> row = new ArrayList<>();
      row.add(Long.toString(ways.get(0).members().get(s).seed()));
      for (DistilResult.Measured way : ways) {
        row.add(number("%.2f", 100 * result.result(way, way.members().get(s)).report().accuracy()));
      }
      row.add(number("%+.2f", 100 * pairs.get(s).gain()));
      row.add(p(pairs.get(s).pValue()));
      rows.add(row);
    }
    page.openDetails("Accuracy on test by seed").table(head, rows).closeDetails();
  }

  private static String p(double value) {
    return value < 1e-4 ? "< 0.0001" : number("%.4f", value);
  }

  private void charts() {
    page.heading("What accuracy costs")
        .plots(
            List.of(
                charts.cost("Accuracy and time of one prediction", "median µs, logarithmic", true),
                charts.cost("Accuracy and size of the weights", "MB, logarithmic", false)));
    page.heading("Learning curves").plots(List.of(charts.learning()));
  }

  private void budget() {
    if (result.forms().isEmpty()) {
      return;
    }
    List<BudgetSearch.Form> front = BudgetSearch.front(result.forms());
    List<List<String>> rows = new ArrayList<>();
    Map<String, String> candidates = new LinkedHashMap<>();
    for (BudgetSearch.Form form : result.forms()) {
      candidates.put(form.name(), form.recipe().toString());
      rows.add(
          List.of(
              form.title(),
              number("%.2f", 100 * form.devAccuracy()),
              Durations.ofMicros(form.medianMicros()),
              Durations.ofMicros(form.p99Micros()),
              Sizes.of(form.bytes()),
              form.fits() ? "yes" : "no",
              front.contains(form) ? "yes" : "no"));
    }
    page.heading("Budget")
        .plots(List.of(charts.front(front, true), charts.front(front, false)))
        .table(
            List.of(
                "Form",
                "Accuracy on dev, %",
                "One text, median",
                "99 % within",
                "Weights",
                "Fits",
                "On the front"),
            rows)
        .paragraph(
            "Each candidate with the first seed, packed in each precision with the tokens of the"
                + " training's texts, on one thread of this machine, the least of three rounds. On"
                + " the front: no other form is at least as accurate, fast and small.")
        .openDetails("Options of the candidates")
        .facts(candidates)
        .closeDetails();
  }

  private void numbersOfTexts() {
    page.heading("Accuracy and the number of texts");
    if (curves.isEmpty()) {
      page.paragraph(
          "Not measured. The same command with --curves trains students on parts of the labels and"
              + " of the unlabelled texts and shows here what more of either is worth.");
      return;
    }
    List<String> plots = curves.stream().map(DistilCharts::curve).toList();
    page.plots(plots).paragraph("First seed, accuracy on dev: test is kept for the figures above.");
  }

  private void calibration() {
    List<List<String>> rows = new ArrayList<>();
    List<String> plots = new ArrayList<>();
    int[] gold = result.data().test().labelIndexes();
    for (DistilResult.Measured way : result.ways()) {
      DistilResult.Member member = result.shown(way);
      double temperature =
          Calibration.fit(member.dev().logits(), result.data().dev().labelIndexes());
      Calibration raw = Calibration.of(member.test().logits(), gold, 1);
      Calibration fitted = Calibration.of(member.test().logits(), gold, temperature);
      rows.add(
          List.of(
              way.title(),
              number("%.2f", 100 * raw.error()),
              number("%.4f", raw.loss()),
              number("%.2f", temperature),
              number("%.2f", 100 * fitted.error()),
              number("%.4f", fitted.loss())));
      if (List.of(result.source().id(), "distilled").contains(way.id())) {
        plots.add(DistilCharts.reliability(way.title(), raw, fitted));
      }
    }
    page.heading("Calibration")
        .table(
            List.of(
                "",
                "Calibration error, points",
                "Log loss",
                "Temperature fitted on dev",
                "Calibration error with it",
                "Log loss with it"),
            rows)
        .paragraph(
            "Expected calibration error over 15 bins of equal width. Dividing the logits by the"
                + " temperature changes no answer, only how sure the model says it is.")
        .plots(plots);
    deferral(gold);
  }

  /** What the served student gains by leaving to the teacher what it is not sure of. */
  private void deferral(int[] gold) {
    DistilResult.Member student = result.served();
    double temperature =
        Calibration.fit(student.dev().logits(), result.data().dev().labelIndexes());
    int[] teacher = result.way("teacher").members().get(0).test().predicted();
    List<List<String>> rows = new ArrayList<>();
    for (Deferral.Point point :
        Deferral.of(student.test().logits(), gold, temperature, teacher).points()) {
      rows.add(
          List.of(
              number("%.1f %%", 100 * point.deferred()),
              number("%.4f", point.threshold()),
              Double.isNaN(point.kept()) ? "" : number("%.2f", 100 * point.kept()),
              number("%.2f", 100 * point.cascade())));
    }
    page.subheading("What deferring gains")
        .table(
            List.of("Deferred", "Threshold", "Accuracy on the rest, %", "Of the cascade, %"), rows)
        .paragraph(
            "The served student on test: texts whose answer has, with the temperature, a"
                + " probability below the threshold are deferred. In the cascade the teacher"
                + " answers them.");
  }

  private void classes() {
    page.heading("Classes");
    for (DistilResult.Measured way : result.ways()) {
      DistilResult.Member member = result.shown(way);
      Evaluation.Result shown = result.result(way, member);
      page.subheading(shown.name())
          .classes(shown.report())
          .openDetails("Confusion matrix (rows: truth, columns: prediction)")
          .confusion(shown.report())
          .closeDetails();
    }
  }

  private void differences() {
    DataSet test = result.data().test();
    float[][] teacher = result.source().members().get(0).test().logits();
    float[][] student = result.served().test().logits();
    double[] divergence = new double[test.size()];
    for (int i = 0; i < divergence.length; i++) {
      double[] p = Calibration.softmax(teacher[i], 1);
      double[] q = Calibration.softmax(student[i], 1);
      for (int c = 0; c < p.length; c++) {
        divergence[i] += p[c] * Math.log(Math.max(p[c], 1e-30) / Math.max(q[c], 1e-30));
      }
    }
    List<List<String>> rows =
        IntStream.range(0, divergence.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -divergence[i]))
            .limit(DIFFERENCES)
            .map(
                i ->
                    List.of(
                        test.labels().get(test.labelIndexes()[i]),
                        answer(test, teacher[i]),
                        answer(test, student[i]),
                        number("%.2f", divergence[i]),
                        test.get(i)))
            .toList();
    page.heading("Where teacher and student differ most")
        .textTable(List.of("Truth", "Teacher", "Student", "Divergence", "Text"), rows)
        .paragraph(
            "Test texts by the divergence (Kullback and Leibler, nats) of the served student's"
                + " probabilities from the teacher's.");
  }

  private static String answer(DataSet data, float[] logits) {
    double[] p = Calibration.softmax(logits, 1);
    int best = 0;
    for (int c = 1; c < p.length; c++) {
      best = p[c] > p[best] ? c : best;
    }
    return data.labels().get(best) + number(" %.0f %%", 100 * p[best]);
  }

  static String number(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
