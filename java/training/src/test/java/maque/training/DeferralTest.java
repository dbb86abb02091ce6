package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class DeferralTest {
  private static float[] sureOfFirst(double probability) {
    return new float[] {(float) Math.log(probability / (1 - probability)), 0};
  }

  @Test
  void figuresByHand() {
    double[] sure = {0.6, 0.7, 0.8, 0.9};
    float[][] logits = new float[4][];
    for (int i = 0; i < 4; i++) {
      logits[i] = sureOfFirst(sure[i]);
    }
    int[] gold = {1, 0, 1, 0};
    int[] teacher = {1, 1, 1, 1};
    Deferral deferral = Deferral.of(logits, gold, 1, teacher);
    assertEquals(new Deferral.Point(0, 0, 0.5, 0.5), deferral.points().get(0));
    Deferral.Point quarter =
        deferral.points().stream().filter(p -> p.deferred() == 0.25).findFirst().orElseThrow();
    assertEquals(0.7, quarter.threshold(), 1e-3);
    assertEquals(2.0 / 3, quarter.kept(), 1e-9);
    assertEquals(0.75, quarter.cascade(), 1e-9); // the first text is the teacher's, and right
    Deferral.Point half = deferral.points().get(deferral.points().size() - 1);
    assertEquals(0.5, half.deferred());
    assertEquals(0.5, half.kept());
    assertEquals(0.5, half.cascade());
    assertTrue(Double.isNaN(Deferral.of(logits, gold, 1, null).points().get(0).cascade()));
  }

  /** Where probabilities are true, who is less sure is less often right. */
  @Test
  void accuracyRisesWithWhatIsDeferred() {
    Random random = new Random(5);
    int texts = 20_000;
    float[][] logits = new float[texts][];
    int[] gold = new int[texts];
    for (int i = 0; i < texts; i++) {
      double p = 0.5 + 0.5 * random.nextDouble();
      logits[i] = sureOfFirst(p);
      gold[i] = random.nextDouble() < p ? 0 : 1;
    }
    Deferral deferral = Deferral.of(logits, gold, 1, null);
    assertEquals(10, deferral.points().size());
    double before = 0;
    for (Deferral.Point point : deferral.points()) {
      assertTrue(point.kept() > before);
      assertEquals(0.75 + point.deferred() / 4, point.kept(), 0.02);
      before = point.kept();
    }
    // The temperature moves thresholds, not the order of texts.
    Deferral warm = Deferral.of(logits, gold, 2, null);
    assertEquals(0.5, warm.points().get(9).deferred(), 0.01);
    assertTrue(warm.points().get(9).threshold() < deferral.points().get(9).threshold());
  }

  @Test
  void equalConfidencesAreKeptTogether() {
    float[][] logits = {sureOfFirst(0.8), sureOfFirst(0.8), sureOfFirst(0.8)};
    Deferral deferral = Deferral.of(logits, new int[] {0, 0, 1}, 1, null);
    for (Deferral.Point point : deferral.points()) {
      assertTrue(point.deferred() == 0 || point.deferred() == 1);
    }
  }

  @Test
  void nothingToMeasureIsRefused() {
    assertThrows(
        InvalidInputException.class, () -> Deferral.of(new float[0][], new int[0], 1, null));
    assertThrows(
        InvalidInputException.class,
        () -> Deferral.of(new float[][] {{1, 0}}, new int[] {0}, 1, new int[2]));
  }
}
