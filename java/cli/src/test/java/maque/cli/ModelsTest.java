package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import maque.training.ClassificationReport;
import maque.training.Evaluation;
import org.junit.jupiter.api.Test;

class ModelsTest {
  private static Evaluation.Result result(String name, int[] predicted, double micros) {
    int[] gold = {0, 0, 0, 1, 1};
    return new Evaluation.Result(
        name,
        ClassificationReport.of(gold, predicted, List.of("cat", "dog")),
        gold,
        predicted,
        1234,
        0.5,
        micros,
        2 * micros);
  }

  private static final Evaluation.Result SLOW = result("slow", new int[] {0, 0, 0, 1, 0}, 2000);
  private static final Evaluation.Result FAST = result("fast", new int[] {0, 0, 1, 1, 0}, 100);

  @Test
  void aTableHasARowForEachClassAndTheTimes() {
    String table = Models.table(SLOW, 2);
    assertTrue(table.startsWith("slow (1,234 parameters)"), table);
    // Precision 3 of 4, recall 3 of 3, F1 6/7, support 3.
    assertTrue(table.matches("(?s).*cat +0\\.75\\d* +1\\.0+ +0\\.857\\d* +3\\R.*"), table);
    assertTrue(table.contains("running time: 0.50 s for 5 texts on 2 threads"), table);
    assertTrue(table.contains("median 2.00 ms, 99 % within 4.00 ms"), table);
    assertTrue(Models.table(SLOW, 1).contains("for 5 texts on one thread"));
  }

  @Test
  void theSummaryComparesWithTheFirst() {
    List<String> lines = Models.summary(List.of(SLOW, FAST)).lines().toList();
    assertEquals(3, lines.size());
    assertTrue(
        lines.get(1).matches("slow +0\\.8000 +\\S+ +1\\.0000 +1,234 +2\\.00 ms +1\\.0x"),
        lines.get(1));
    assertTrue(
        lines.get(2).matches("fast +0\\.6000 +\\S+ +0\\.8000 +1,234 +100 µs +20\\.0x"),
        lines.get(2));
  }
}
