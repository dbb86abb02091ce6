package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.BitSet;
import org.junit.jupiter.api.Test;

class KeyedPermutationTest {
  @Test
  void everyElementComesOnce() {
    for (int n : new int[] {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 1000, 4097}) {
      KeyedPermutation permutation = new KeyedPermutation(n, 7, n);
      BitSet seen = new BitSet(n);
      for (int i = 0; i < n; i++) {
        long x = permutation.at(i);
        assertTrue(x >= 0 && x < n);
        seen.set((int) x);
      }
      assertEquals(n, seen.cardinality(), "size " + n);
    }
  }

  @Test
  void theSameKeyGivesTheSameOrderAndAnotherKeyAnother() {
    KeyedPermutation a = new KeyedPermutation(1000, 1, 2);
    KeyedPermutation b = new KeyedPermutation(1000, 1, 2);
    KeyedPermutation c = new KeyedPermutation(1000, 1, 3);
    KeyedPermutation d = new KeyedPermutation(1000, 2, 2);
    int likeC = 0;
    int likeD = 0;
    for (int i = 0; i < 1000; i++) {
      assertEquals(a.at(i), b.at(i));
      likeC += a.at(i) == c.at(i) ? 1 : 0;
      likeD += a.at(i) == d.at(i) ? 1 : 0;
    }
    // Two independent permutations agree in one place on average; ten has probability 1e-7.
    assertTrue(likeC < 10 && likeD < 10, likeC + ", " + likeD);
  }

  /** Under uniform permutations each (position, element) pair of 8 is met 1/8 of the time. */
  @Test
  void everyElementIsAsLikelyInEveryPlace() {
    int runs = 16_000;
    int[][] counts = new int[8][8];
    for (int run = 0; run < runs; run++) {
      KeyedPermutation permutation = new KeyedPermutation(8, run);
      for (int i = 0; i < 8; i++) {
        counts[i][(int) permutation.at(i)]++;
      }
    }
    double expected = runs / 8.0;
    for (int[] row : counts) {
      for (int count : row) {
        // Five standard deviations of a binomial.
        assertEquals(expected, count, 5 * Math.sqrt(expected * 7 / 8));
      }
    }
  }

  /** What neighbours share after shuffling is what chance gives. */
  @Test
  void neighboursAreTornApart() {
    int n = 10_000;
    KeyedPermutation permutation = new KeyedPermutation(n, 3);
    double sum = 0;
    for (int i = 0; i + 1 < n; i++) {
      sum += Math.abs(permutation.at(i) - permutation.at(i + 1));
    }
    assertEquals(n / 3.0, sum / (n - 1), 0.03 * n);
  }

  @Test
  void largeDomainsNeedNoMemory() {
    KeyedPermutation permutation = new KeyedPermutation(1L << 60, 5);
    assertTrue(permutation.at(0) != permutation.at(1));
    assertThrows(IndexOutOfBoundsException.class, () -> permutation.at(1L << 60));
    assertThrows(IllegalArgumentException.class, () -> new KeyedPermutation(-1, 5));
  }

  /** The order is part of what a run's result depends on: it must not change between versions. */
  @Test
  void theOrderIsFixedForever() {
    KeyedPermutation permutation = new KeyedPermutation(10, 42, 0);
    StringBuilder order = new StringBuilder();
    for (int i = 0; i < 10; i++) {
      order.append(permutation.at(i));
    }
    assertEquals("7582136049", order.toString());
  }
}
