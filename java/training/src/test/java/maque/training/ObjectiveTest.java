package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The formulas by hand: two classes, logits chosen so that the softmax is rational. */
class ObjectiveTest {
  private static final float LN3 = (float) Math.log(3);

  @Test
  void crossEntropy() {
    Objective.Sum sum = Objective.crossEntropy().new Sum();
    float[] logits = {0, LN3, LN3, 0, 5, 5};
    sum.add(logits, 0, 2, 1, null); // p = 3/4
    sum.add(logits, 2, 2, 1, null); // p = 1/4
    sum.add(logits, 4, 2, -1, null); // no label
    assertEquals(-(Math.log(0.75) + Math.log(0.25)) / 2, sum.loss(), 1e-7);
    assertEquals(0.5, sum.accuracy());
  }

  @Test
  void classWeights() {
    Objective.Sum sum = Objective.crossEntropy(0.5f, 2).new Sum();
    float[] logits = {0, LN3, LN3, 0, LN3, 0};
    sum.add(logits, 0, 2, 1, null); // p = 3/4
    sum.add(logits, 2, 2, 1, null); // p = 1/4
    sum.add(logits, 4, 2, 0, null); // p = 3/4
    double ce = -(2 * Math.log(0.75) + 2 * Math.log(0.25) + 0.5 * Math.log(0.75));
    assertEquals(ce / 4.5, sum.loss(), 1e-7);
    assertEquals(2.0 / 3, sum.accuracy(), 1e-12);
  }

  @Test
  void meanSquares() {
    Objective.Sum sum = new Objective(0, 2, "mse", 1).new Sum();
    float[] logits = {1, 2, 3, 4};
    float[] teacher = {2, 4, 3, 1};
    sum.add(logits, 0, 2, -1, teacher);
    sum.add(logits, 2, 2, 0, teacher);
    sum.add(logits, 2, 2, 0, null);
    assertEquals(2 * (1 + 4 + 0 + 9) / 4.0, sum.loss(), 1e-12);
  }

  @Test
  void divergenceAtTemperatureTwo() {
    Objective.Sum sum = new Objective(0, 1, "kl", 2).new Sum();
    float[] logits = {0, 0};
    float[] teacher = {0, 2 * LN3};
    sum.add(logits, 0, 2, -1, teacher);
    // T^2 (1/4 ln(1/4 / 1/2) + 3/4 ln(3/4 / 1/2))
    assertEquals(4 * (0.25 * Math.log(0.5) + 0.75 * Math.log(1.5)), sum.loss(), 1e-6);
  }

  @Test
  void nothingIsZero() {
    Objective.Sum sum = new Objective(1, 1, "kl", 1).new Sum();
    assertEquals(0, sum.loss());
    assertEquals(0, sum.accuracy());
  }

  @Test
  void equalLogitsGoToTheFirst() {
    assertEquals(1, Objective.argmax(new float[] {9, 1, 2, 2, 0}, 1, 4));
  }
}
