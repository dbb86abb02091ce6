package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import maque.training.ClassificationReport;
import maque.training.Evaluation;
import maque.training.StudentOptions;
import org.junit.jupiter.api.Test;

class DemoReportTest {
  private static final int TEXTS = 1000;

  /** Answers of which the first {@code right} of a thousand are right. */
  private static Evaluation.Result result(String name, int right, double micros) {
    int[] predicted = new int[TEXTS];
    for (int i = right; i < TEXTS; i++) {
      predicted[i] = 1;
    }
    return new Evaluation.Result(
        name,
        ClassificationReport.of(new int[TEXTS], predicted, List.of("a", "b")),
        new int[TEXTS],
        predicted,
        1_000_000,
        1,
        micros,
        micros);
  }

  private static DemoReport.Scored student(
      String name, int right, boolean distilled, boolean vectors) {
    return new DemoReport.Scored(
        new DemoModel(name, name, StudentOptions.sequence(), distilled, vectors),
        result(name, right, 100));
  }

  private static DemoReport.Scored document(String name, int right) {
    return new DemoReport.Scored(
        new DemoModel(name, name, StudentOptions.document(), true, true), result(name, right, 100));
  }

  private static DemoReport report(int baseline, int distilled) {
    return new DemoReport(
        Path.of("demo"),
        result("teacher", 900, 10_000),
        List.of(
            student("weak", baseline - 10, false, false),
            student("plain", baseline, false, false),
            student("vectors", 950, false, true),
            document("other", distilled + 50),
            student("distilled", distilled, true, true)),
        1);
  }

  @Test
  void theVerdictIsAgainstTheBestStudentThatTakesNothing() {
    String line = report(740, 840).verdict().text();
    assertTrue(
        line.startsWith("Distillation paid: the distilled is right on 84.0 % of 1,000 test"), line);
    assertTrue(line.contains("takes nothing from the teacher (plain) on 74.0 %: +10.0"), line);
    assertTrue(line.endsWith("The teacher is right on 90.0 % and takes 100 times as long."), line);
  }

  @Test
  void theAnswerIsTheSequenceStudentEvenWhereAnotherIsRightMoreOften() {
    assertEquals("distilled", report(740, 840).answer().model().name());
  }

  @Test
  void aLossIsCalledOne() {
    String line = report(840, 740).verdict().text();
    assertTrue(line.startsWith("Distillation did not pay: "), line);
  }

  @Test
  void theTextBeginsWithTheVerdictAndHoldsATableForEachModel() {
    String text = report(740, 840).text();
    assertEquals(report(740, 840).verdict().text(), text.lines().findFirst().orElseThrow());
    assertTrue(text.startsWith("Distillation paid"), text);
    for (String name : List.of("teacher", "weak", "plain", "vectors", "other", "distilled")) {
      assertTrue(text.contains(name + " (1,000,000 parameters)"), text);
    }
    assertEquals(6, text.lines().filter(line -> line.contains("weighted avg")).count());
  }

  @Test
  void thePictureHasABarForEachModel() {
    String svg = report(740, 840).chart("title");
    assertEquals(6 + 1, svg.lines().filter(line -> line.startsWith("<rect")).count());
    assertTrue(svg.contains("(100×)"), svg);
  }
}
