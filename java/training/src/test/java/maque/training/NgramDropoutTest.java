package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NgramDropoutTest {
  private static final Batch BATCH =
      Batch.ofBags(IntStream.range(0, 5_000).toArray(), new int[] {7}, new int[0]);

  private static NgramDropout dropout(double probability, long seed) {
    return new NgramDropout(StudentOptions.bag().wholeNgramDropout(probability).seed(seed));
  }

  @Test
  void aPartIsLeftOutAndTheOthersKeepTheirOrder() {
    Batch batch = dropout(0.3, 5).apply(BATCH, 7);
    int kept = batch.bagOffsets()[1];
    assertEquals(0.7, kept / 5_000.0, 0.03);
    for (int i = 1; i < kept; i++) {
      assertEquals(1, Integer.signum(batch.bagIds()[i] - batch.bagIds()[i - 1]));
    }
    assertEquals(batch.bagIds().length, batch.bagOffsets()[3]);
    assertEquals(batch.bagOffsets()[2], batch.bagOffsets()[3]);
  }

  @Test
  void aTextMayLoseAll() {
    boolean lost = false;
    for (int step = 0; step < 50; step++) {
      int[] offsets = dropout(0.5, 1).apply(BATCH, step).bagOffsets();
      lost |= offsets[1] == offsets[2];
    }
    assertTrue(lost);
  }

  @Test
  void seedAndStepDecideAndZeroDoesNothing() {
    int[] first = dropout(0.5, 1).apply(BATCH, 1).bagIds();
    assertArrayEquals(first, dropout(0.5, 1).apply(BATCH, 1).bagIds());
    assertFalse(Arrays.equals(first, dropout(0.5, 1).apply(BATCH, 2).bagIds()));
    assertFalse(Arrays.equals(first, dropout(0.5, 2).apply(BATCH, 1).bagIds()));
    assertSame(BATCH, dropout(0, 1).apply(BATCH, 1));
  }

  @Test
  void aStudentWithoutNgramsIsLeftAlone() {
    Batch batch = Batch.of(new int[] {1, 2, 3});
    StudentOptions options = StudentOptions.sequence().wholeNgramDropout(0.5);
    assertSame(batch, new NgramDropout(options).apply(batch, 1));
  }
}
