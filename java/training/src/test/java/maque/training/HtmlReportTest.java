package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HtmlReportTest {
  private static final List<String> NAMES = List.of("a<b", "\"c\" & d", "三");

  /** n texts, of which the first {@code right} are predicted as they are. */
  private static Evaluation.Result result(String name, int n, int right, double micros) {
    int[] gold = new int[n];
    int[] predicted = new int[n];
    for (int i = 0; i < n; i++) {
      gold[i] = i % 3;
      predicted[i] = i < right ? gold[i] : (gold[i] + 1) % 3;
    }
    return new Evaluation.Result(
        name,
        ClassificationReport.of(gold, predicted, NAMES),
        gold,
        predicted,
        1_234_567,
        n * micros * 1e-6,
        micros,
        2 * micros);
  }

  private static ReportData data() {
    Evaluation.Result teacher = result("teacher <script>", 1000, 900, 5000);
    Evaluation.Result alone = result("alone", 1000, 750, 25);
    Evaluation.Result distilled = result("distilled", 1000, 840, 20);
    List<ReportData.Point> learning =
        List.of(new ReportData.Point(10, 0.5), new ReportData.Point(20, 0.75));
    return new ReportData(
        "Report on <things>",
        Verdict.of(teacher, alone, distilled, 1),
        "About",
        List.of(
            new ReportData.Model(teacher, Map.of("lr", "1e-4"), learning),
            new ReportData.Model(alone, Map.of(), List.of()),
            new ReportData.Model(distilled, Map.of(), learning)),
        List.of(new ReportData.Comparison("alone", "distilled", alone.compare(distilled, 1))),
        List.of(new ReportData.Section("Data", Map.of("sha256", "00ff"))),
        "maque predict \"<text>\"");
  }

  @Test
  void verdicts() {
    Evaluation.Result teacher = result("teacher", 1000, 900, 5000);
    Evaluation.Result alone = result("alone", 1000, 750, 25);
    Verdict paid = Verdict.of(teacher, alone, result("distilled", 1000, 840, 20), 1);
    assertEquals(Verdict.Outcome.PAID, paid.outcome());
    assertTrue(
        paid.text()
            .startsWith("Distillation paid: distilled has 84.0 %, alone 75.0 %: +9.0 points (95 %"),
        paid.text());
    assertTrue(
        paid.text()
            .endsWith("on 1,000 texts. teacher has 90.0 % and takes 250 times as long per text."),
        paid.text());
    assertEquals(
        Verdict.Outcome.COST,
        Verdict.of(teacher, alone, result("distilled", 1000, 700, 20), 1).outcome());
    assertEquals(Verdict.Outcome.UNDECIDED, Verdict.of(teacher, alone, alone, 1).outcome());
  }

  @Test
  void everythingIsThereAndEscaped(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("report.html");
    HtmlReport.write(file, data());
    String html = Files.readString(file);
    for (String part :
        List.of(
            "<title>Report on &lt;things&gt;</title>",
            "Distillation paid: distilled has 84.0 %",
            "a&lt;b",
            "&quot;c&quot; &amp; d",
            "三",
            "teacher &lt;script&gt;",
            "1,234,567",
            "250.0×",
            "maque predict &quot;&lt;text&gt;&quot;",
            "+9.00",
            "00ff",
            "prefers-color-scheme: dark",
            "width=device-width")) {
      assertTrue(html.contains(part), part);
    }
    assertTrue(
        html.indexOf("Distillation paid") < html.indexOf("<table"), "the verdict comes first");
  }

  @Test
  void itNeedsNothingElse() {
    String html = HtmlReport.html(data());
    for (String part : List.of("http:", "https:", "<script", "<link", "<img", "@import", "url(")) {
      assertFalse(html.contains(part), part);
    }
  }

  @Test
  void tagsAreBalanced() {
    Deque<String> open = new ArrayDeque<>();
    Matcher tags =
        Pattern.compile("<(/?)([a-z0-9]+)(?:\\s[^<>]*?)?(/?)>").matcher(HtmlReport.html(data()));
    while (tags.find()) {
      String name = tags.group(2);
      if (!tags.group(3).isEmpty() || Set.of("meta", "br").contains(name)) {
        continue;
      }
      if (tags.group(1).isEmpty()) {
        open.push(name);
      } else {
        assertEquals(open.pop(), name);
      }
    }
    assertTrue(open.isEmpty(), open.toString());
  }
}
