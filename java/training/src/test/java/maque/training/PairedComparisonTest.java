package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class PairedComparisonTest {
  /**
   * Two classifiers of n texts of class 1: only A right, only B right, both right, in this order.
   */
  private static PairedComparison of(int n, int onlyA, int onlyB, int both) {
    int[] gold = new int[n];
    int[] a = new int[n];
    int[] b = new int[n];
    for (int i = 0; i < n; i++) {
      gold[i] = 1;
      a[i] = i < onlyA || (i >= onlyA + onlyB && i < onlyA + onlyB + both) ? 1 : 0;
      b[i] = i >= onlyA && i < onlyA + onlyB + both ? 1 : 0;
    }
    return PairedComparison.of(gold, a, b, 1);
  }

  @Test
  void numbers() {
    PairedComparison c = of(100, 5, 15, 60);
    assertEquals(0.65, c.accuracyA(), 1e-15);
    assertEquals(0.75, c.accuracyB(), 1e-15);
    assertEquals(0.10, c.gain(), 1e-15);
    assertEquals(5, c.onlyA());
    assertEquals(15, c.onlyB());
    // 2 * sum_{k <= 5} C(20, k) / 2^20 = 2 * 21700 / 1048576
    assertEquals(2 * 21700 / 1048576.0, c.pValue(), 1e-12);
  }

  /** The bootstrap's interval against the normal one, whose standard error is known. */
  @Test
  void interval() {
    PairedComparison c = of(4000, 200, 360, 3000);
    double gain = 0.04;
    double se = Math.sqrt((560 / 4000.0 - gain * gain) / 4000);
    assertEquals(gain - 1.96 * se, c.low(), 0.06 * se + 0.00025);
    assertEquals(gain + 1.96 * se, c.high(), 0.06 * se + 0.00025);
    assertTrue(c.text().startsWith("+4.0 points (95 % interval +"), c.text());
    assertTrue(c.text().endsWith("McNemar p < 0.0001)"), c.text());
  }

  @Test
  void twinsDoNotDiffer() {
    PairedComparison c = of(50, 0, 0, 30);
    assertEquals(0, c.gain());
    assertEquals(0, c.low());
    assertEquals(0, c.high());
    assertEquals(1, c.pValue());
  }

  @Test
  void otherTextsAreRefused() {
    assertThrows(
        InvalidInputException.class,
        () -> PairedComparison.of(new int[2], new int[2], new int[3], 1));
  }
}
