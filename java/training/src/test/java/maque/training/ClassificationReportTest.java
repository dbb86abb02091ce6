package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class ClassificationReportTest {
  private static final int[] GOLD = {0, 0, 0, 0, 1, 1, 1, 2, 2, 2};
  private static final int[] PREDICTED = {0, 0, 1, 2, 1, 1, 0, 2, 2, 0};
  private static final List<String> NAMES = List.of("car", "culture", "edu");

  /** Counted by hand: predicted 4, 3, 3; right 2, 2, 2; support 4, 3, 3. */
  @Test
  void numbers() {
    ClassificationReport report = ClassificationReport.of(GOLD, PREDICTED, NAMES);
    assertEquals(0.6, report.accuracy(), 1e-15);
    assertRow(report.row(0), 2 / 4.0, 2 / 4.0, 0.5, 4);
    assertRow(report.row(1), 2 / 3.0, 2 / 3.0, 2 / 3.0, 3);
    assertRow(report.row(2), 2 / 3.0, 2 / 3.0, 2 / 3.0, 3);
    double macro = (0.5 + 2 / 3.0 + 2 / 3.0) / 3;
    assertRow(report.macroAverage(), macro, macro, macro, 10);
    assertRow(report.weightedAverage(), 0.6, 0.6, 0.6, 10);
    assertEquals(1, report.confusion(0, 1));
    assertEquals(1, report.confusion(0, 2));
    assertEquals(0, report.confusion(2, 1));
  }

  private static void assertRow(
      ClassificationReport.Row row, double precision, double recall, double f1, int support) {
    assertEquals(precision, row.precision(), 1e-15);
    assertEquals(recall, row.recall(), 1e-15);
    assertEquals(f1, row.f1(), 1e-15);
    assertEquals(support, row.support());
  }

  /** The layout is scikit-learn's. */
  @Test
  void table() {
    String expected =
        """
                      precision    recall  f1-score   support

                 car     0.5000    0.5000    0.5000         4
             culture     0.6667    0.6667    0.6667         3
                 edu     0.6667    0.6667    0.6667         3

            accuracy                         0.6000        10
           macro avg     0.6111    0.6111    0.6111        10
        weighted avg     0.6000    0.6000    0.6000        10
        """;
    assertEquals(expected, ClassificationReport.of(GOLD, PREDICTED, NAMES).text());
  }

  @Test
  void longNamesWidenTheTable() {
    String text =
        ClassificationReport.of(GOLD, PREDICTED, List.of("a", "fourteen chars", "𠀀𠀀")).text();
    for (String line : text.split("\n")) {
      assertTrue(line.isEmpty() || line.codePointCount(0, line.length()) == 14 + 1 + 40, line);
    }
  }

  @Test
  void aQuotientByZeroIsZero() {
    ClassificationReport report =
        ClassificationReport.of(new int[] {0, 0}, new int[] {1, 1}, List.of("a", "b", "c"));
    assertRow(report.row(0), 0, 0, 0, 2);
    assertRow(report.row(1), 0, 0, 0, 0);
    assertRow(report.row(2), 0, 0, 0, 0);
    assertRow(report.macroAverage(), 0, 0, 0, 2);
    assertEquals(0, report.accuracy());
  }

  /** Rounded as scikit-learn rounds: the exact value of the double, ties to even. */
  @Test
  void rounding() {
    int[] gold = new int[16];
    int[] predicted = new int[16];
    predicted[0] = 1; // 15/16 = .9375 exactly
    String text = ClassificationReport.of(gold, predicted, List.of("a", "b")).text();
    assertTrue(text.contains("0.9375"), text);
    int[] gold32 = new int[32];
    int[] predicted32 = new int[32];
    predicted32[0] = 1; // 31/32 = .96875 exactly, a tie
    String tie = ClassificationReport.of(gold32, predicted32, List.of("a", "b")).text();
    assertTrue(tie.contains("0.9688"), tie);
    predicted32[1] = 1;
    predicted32[2] = 1; // 29/32 = .90625, a tie whose even neighbour is below
    String even = ClassificationReport.of(gold32, predicted32, List.of("a", "b")).text();
    assertTrue(even.contains("0.9062"), even);
  }

  @Test
  void wrongInput() {
    assertThrows(
        InvalidInputException.class,
        () -> ClassificationReport.of(new int[] {0}, new int[] {0, 1}, NAMES));
    assertThrows(
        InvalidInputException.class,
        () -> ClassificationReport.of(new int[] {3}, new int[] {0}, NAMES));
    assertThrows(
        InvalidInputException.class, () -> ClassificationReport.of(new int[0], new int[0], NAMES));
  }

  @Test
  void confusionMatrix() {
    String text = ClassificationReport.of(GOLD, PREDICTED, NAMES).confusionText();
    assertTrue(text.contains("    car    2    1    1\n"), text);
    assertTrue(text.contains("culture    1    2    0\n"), text);
  }
}
