package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class BatchOrderTest {
  private static int length(int row) {
    return row * 7919 % 101;
  }

  private static BatchOrder pooled(int rows, int pool) {
    return new BatchOrder(rows, 16, true, 9, pool, BatchOrderTest::length);
  }

  private static int[] epoch(BatchOrder order, long epoch) {
    return IntStream.range(0, (int) order.batchesPerEpoch())
        .flatMap(i -> Arrays.stream(order.batch(epoch * order.batchesPerEpoch() + i)))
        .toArray();
  }

  @Test
  void anEpochHasEveryRowOnce() {
    for (int rows : new int[] {1, 15, 16, 17, 333, 1000}) {
      for (int pool : new int[] {1, 2, 7, 100}) {
        int[] seen = epoch(pooled(rows, pool), 3);
        Arrays.sort(seen);
        assertArrayEquals(IntStream.range(0, rows).toArray(), seen, rows + " in pools of " + pool);
      }
    }
  }

  @Test
  void anyBatchCanBeAskedForFirst() {
    BatchOrder inOrder = pooled(1000, 7);
    for (long step = 0; step < 200; step++) {
      assertArrayEquals(inOrder.batch(step), pooled(1000, 7).batch(step), "step " + step);
    }
  }

  @Test
  void epochsDiffer() {
    BatchOrder order = pooled(1000, 1);
    assertFalse(Arrays.equals(epoch(order, 0), epoch(order, 1)));
  }

  @Test
  void withoutShufflingRowsComeAsTheyAre() {
    BatchOrder order = new BatchOrder(100, 16, false, 9, 5, row -> 0);
    assertArrayEquals(IntStream.range(0, 100).toArray(), epoch(order, 0));
    assertArrayEquals(IntStream.range(0, 100).toArray(), epoch(order, 4));
    assertEquals(4, order.batch(6).length);
  }

  @Test
  void poolsBringLikeLengthsTogether() {
    assertTrue(spread(pooled(4096, 64)) < spread(pooled(4096, 1)) / 10);
  }

  private static double spread(BatchOrder order) {
    double sum = 0;
    for (int i = 0; i < order.batchesPerEpoch(); i++) {
      int[] lengths = Arrays.stream(order.batch(i)).map(BatchOrderTest::length).sorted().toArray();
      sum += lengths[lengths.length - 1] - lengths[0];
    }
    return sum;
  }

  /** Else every epoch would begin with short texts and end with long ones. */
  @Test
  void aPoolsBatchesAreNotInTheOrderOfLength() {
    BatchOrder order = pooled(1600, 100);
    int rises = 0;
    for (int i = 0; i + 1 < 100; i++) {
      rises += length(order.batch(i)[0]) < length(order.batch(i + 1)[0]) ? 1 : 0;
    }
    assertTrue(rises > 30 && rises < 70, rises + " rises in 99 pairs");
  }

  @Test
  void nothingToOrderIsAnError() {
    assertThrows(InvalidInputException.class, () -> new BatchOrder(0, 1, true, 1, 1, r -> 1));
    assertThrows(InvalidInputException.class, () -> new BatchOrder(1, 0, true, 1, 1, r -> 1));
  }
}
