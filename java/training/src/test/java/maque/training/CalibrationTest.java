package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class CalibrationTest {
  private static final int TEXTS = 20_000;

  /** Logits of two classes and classes drawn by their own probabilities: calibrated as they are. */
  private final float[][] logits = new float[TEXTS][2];

  private final int[] gold = new int[TEXTS];

  CalibrationTest() {
    Random random = new Random(3);
    for (int i = 0; i < TEXTS; i++) {
      logits[i][0] = (float) (2 * random.nextGaussian());
      gold[i] = random.nextDouble() < 1 / (1 + Math.exp(-logits[i][0])) ? 0 : 1;
    }
  }

  private float[][] times(float factor) {
    float[][] scaled = new float[TEXTS][2];
    for (int i = 0; i < TEXTS; i++) {
      scaled[i][0] = factor * logits[i][0];
    }
    return scaled;
  }

  @Test
  void theFitUndoesAScale() {
    assertEquals(1, Calibration.fit(logits, gold), 0.05);
    assertEquals(3, Calibration.fit(times(3), gold), 0.15);
    assertEquals(0.5, Calibration.fit(times(0.5f), gold), 0.025);
  }

  @Test
  void theErrorIsSmallWhereProbabilitiesAreTrue() {
    Calibration right = Calibration.of(logits, gold, 1);
    Calibration sure = Calibration.of(times(4), gold, 1);
    assertTrue(right.error() < 0.015, "" + right.error());
    assertTrue(sure.error() > 0.08, "" + sure.error());
    assertTrue(sure.loss() > right.loss());
    assertEquals(right.error(), Calibration.of(times(4), gold, 4).error(), 1e-3);
    assertEquals(TEXTS, right.bins().stream().mapToInt(Calibration.Bin::texts).sum());
  }

  @Test
  void figuresByHand() {
    float[][] two = {{(float) Math.log(3), 0}, {0, (float) Math.log(3)}};
    Calibration c = Calibration.of(two, new int[] {0, 0}, 1);
    assertEquals(0.25, c.error(), 1e-6); // sure of 3/4, right on 1/2
    assertEquals(-(Math.log(0.75) + Math.log(0.25)) / 2, c.loss(), 1e-6);
  }

  /** The loss would fall for ever towards temperature 0. */
  @Test
  void nothingIsFittedWhereAllIsRight() {
    float[][] two = {{1, 0}, {0, 2}};
    assertEquals(1, Calibration.fit(two, new int[] {0, 1}));
    assertTrue(Calibration.fit(two, new int[] {0, 0}) > 1);
  }

  @Test
  void noTextsAreRefused() {
    assertThrows(InvalidInputException.class, () -> Calibration.of(new float[0][], new int[0], 1));
  }
}
