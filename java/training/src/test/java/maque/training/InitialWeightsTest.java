package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class InitialWeightsTest {
  @Test
  void orthogonalRowsAreOrthonormal() {
    int n = 37;
    float[] q = InitialWeights.orthogonal(new SeededRandom(5, "q"), n);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        double dot = 0;
        for (int c = 0; c < n; c++) {
          dot += (double) q[i * n + c] * q[j * n + c];
        }
        assertEquals(i == j ? 1 : 0, dot, 1e-6);
      }
    }
  }

  @Test
  void momentsOfTheGenerator() {
    int n = 100_000;
    float[] normal = new SeededRandom(1, "x").normal(n, 2);
    float[] uniform = new SeededRandom(1, "x").uniform(n, 3);
    assertEquals(0, mean(normal), 5 * 2 / Math.sqrt(n));
    assertEquals(2, sd(normal), 0.03);
    assertEquals(0, mean(uniform), 5 * 3 / Math.sqrt(3.0 * n));
    assertEquals(3 / Math.sqrt(3), sd(uniform), 0.03);
    for (float x : uniform) {
      assertTrue(Math.abs(x) <= 3);
    }
  }

  private static double mean(float[] x) {
    double sum = 0;
    for (float v : x) {
      sum += v;
    }
    return sum / x.length;
  }

  private static double sd(float[] x) {
    double mean = mean(x);
    double sum = 0;
    for (float v : x) {
      sum += (v - mean) * (v - mean);
    }
    return Math.sqrt(sum / x.length);
  }

  @Test
  void namesAndSeedsHaveStreamsOfTheirOwn() {
    float[] a = new SeededRandom(1, "a").normal(8, 1);
    assertArrayEquals(a, new SeededRandom(1, "a").normal(8, 1));
    assertFalse(Arrays.equals(a, new SeededRandom(1, "b").normal(8, 1)));
    assertFalse(Arrays.equals(a, new SeededRandom(2, "a").normal(8, 1)));
  }

  @Test
  void boundedIntegersAreUniform() {
    int[] counts = new int[7];
    SeededRandom random = new SeededRandom(3, 4);
    for (int i = 0; i < 70_000; i++) {
      counts[random.nextInt(7)]++;
    }
    for (int count : counts) {
      assertEquals(10_000, count, 500);
    }
  }

  @Test
  void embeddingsAreScaledAndStandardized() {
    EmbeddingMatrix matrix = EmbeddingMatrix.empty(4, 2);
    matrix.set(0, new float[] {1, 10});
    matrix.set(1, new float[] {3, 10});
    matrix.set(3, new float[] {5, 40});
    assertEquals(1, matrix.unknown());
    matrix.standardize();
    double root = Math.sqrt(1.5);
    double[] expected = {
      -root, -root / Math.sqrt(3), 0, -root / Math.sqrt(3), 0, 0, root, 2 * root / Math.sqrt(3)
    };
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], matrix.values()[i], 1e-6, "element " + i);
    }
    matrix.scaleTo(0.1);
    matrix.fillUnknown(new SeededRandom(1, "u"), 0.1);
    assertEquals(
        0.1,
        sd(
            new float[] {
              matrix.values()[0],
              matrix.values()[1],
              matrix.values()[2],
              matrix.values()[3],
              matrix.values()[6],
              matrix.values()[7]
            }),
        1e-6);
    assertTrue(matrix.values()[4] != 0);
  }
}
