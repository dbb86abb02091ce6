package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class SeedComparisonTest {
  private static final int[] GOLD = new int[1000];

  /** Predictions that are right on all texts but those of [from, from + wrong). */
  private static int[] wrong(int from, int wrong) {
    return IntStream.range(0, GOLD.length)
        .map(i -> i >= from && i < from + wrong ? 1 : 0)
        .toArray();
  }

  private static SeedComparison of(List<int[]> a, List<int[]> b) {
    return SeedComparison.of(GOLD, a, b, 1);
  }

  @Test
  void aGainOnEverySeedPays() {
    SeedComparison c =
        of(
            List.of(wrong(0, 100), wrong(0, 110), wrong(0, 105)),
            List.of(wrong(0, 40), wrong(0, 45), wrong(0, 38)));
    assertEquals((60 + 65 + 67) / 3000.0, c.gain(), 1e-12);
    assertEquals(SeedComparison.Outcome.PAYS, c.outcome());
    assertTrue(c.tTest() < 0.01, "" + c.tTest());
    assertTrue(c.low() < c.gain() && c.gain() < c.high());
  }

  /** The same mean from seeds that disagree is no proof: the interval is over seeds too. */
  @Test
  void seedsThatDisagreeProveNothing() {
    SeedComparison c =
        of(
            List.of(wrong(0, 100), wrong(0, 100), wrong(0, 100)),
            List.of(wrong(0, 10), wrong(0, 120), wrong(0, 110)));
    assertEquals(SeedComparison.Outcome.NOT_PROVEN, c.outcome());
    assertTrue(c.low() < 0 && c.high() > 0.05, c.text());
  }

  @Test
  void aSureLossAndASureNothingDoNotPay() {
    assertEquals(
        SeedComparison.Outcome.DOES_NOT_PAY,
        of(List.of(wrong(0, 40)), List.of(wrong(0, 90))).outcome());
    SeedComparison same = of(List.of(wrong(0, 40)), List.of(wrong(0, 40)));
    assertEquals(SeedComparison.Outcome.DOES_NOT_PAY, same.outcome());
    assertEquals(0, same.high());
    assertTrue(Double.isNaN(same.tTest()));
  }

  @Test
  void oneSeedAgreesWithThePairsOwnInterval() {
    SeedComparison c = of(List.of(wrong(0, 100)), List.of(wrong(50, 80)));
    PairedComparison pair = c.pairs().get(0);
    assertEquals(pair.low(), c.low(), 0.002);
    assertEquals(pair.high(), c.high(), 0.002);
    assertTrue(c.text().contains("one seed"), c.text());
  }

  @Test
  void spread() {
    SeedComparison.Spread spread = SeedComparison.Spread.of(1, 2, 3);
    assertEquals(2, spread.mean(), 1e-15);
    assertEquals(1, spread.deviation(), 1e-15);
    assertEquals(0, SeedComparison.Spread.of(5).deviation());
  }

  @Test
  void differentNumbersOfSeedsAreRefused() {
    assertThrows(
        InvalidInputException.class,
        () -> of(List.of(wrong(0, 1)), List.of(wrong(0, 1), wrong(0, 2))));
  }
}
