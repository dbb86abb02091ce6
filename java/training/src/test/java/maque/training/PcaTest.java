package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class PcaTest {
  @Test
  void theLongAxisComesFirst() {
    // Points on a line along (3, 4) / 5, with a little across it.
    float[] matrix = {10 - 3, 20 - 4, 10 + 3, 20 + 4, 10 - 0.4f, 20 + 0.3f, 10 + 0.4f, 20 - 0.3f};
    Pca pca = Pca.fit(matrix, 2, 2);
    assertArrayEquals(new double[] {50.0 / 3, 0.5 / 3}, pca.variances(), 1e-5);
    float[] at = pca.transform(matrix);
    // Each direction's largest entry is positive: (0.6, 0.8) and (0.8, -0.6).
    assertArrayEquals(new float[] {-5, 0, 5, 0, 0, -0.5f, 0, 0.5f}, at, 1e-5f);
    assertArrayEquals(
        new float[] {-5, 5, 0, 0}, Pca.reduce(matrix, 2, 1), 1e-5f, "one component of the two");
  }

  @Test
  void allComponentsKeepDistancesAndSomeLoseTheLeast() {
    int rows = 500;
    int columns = 20;
    float[] matrix = random(rows, columns);
    float[] all = Pca.reduce(matrix, columns, columns);
    for (int i = 1; i < rows; i++) {
      assertEquals(distance(matrix, columns, 0, i), distance(all, columns, 0, i), 1e-4);
    }
    Pca pca = Pca.fit(matrix, columns, 7);
    float[] some = pca.transform(matrix);
    for (int k = 0; k < 7; k++) {
      double sum = 0;
      double squares = 0;
      for (int i = 0; i < rows; i++) {
        sum += some[i * 7 + k];
        squares += (double) some[i * 7 + k] * some[i * 7 + k];
      }
      assertEquals(0, sum / rows, 1e-5);
      assertEquals(pca.variances()[k], squares / (rows - 1), 1e-4 * pca.variances()[0]);
      assertTrue(k == 0 || pca.variances()[k] <= pca.variances()[k - 1]);
    }
  }

  @Test
  void theSameRowsGiveTheSameBits() {
    float[] matrix = random(300, 40);
    assertArrayEquals(Pca.reduce(matrix, 40, 30), Pca.reduce(matrix.clone(), 40, 30));
  }

  @Test
  void scalingSetsTheStandardDeviation() {
    float[] scaled = Pca.scaled(new float[] {1, 3, 1, 3}, 0.1);
    assertArrayEquals(new float[] {0.1f, 0.3f, 0.1f, 0.3f}, scaled, 1e-7f);
    assertArrayEquals(new float[] {2, 2}, Pca.scaled(new float[] {2, 2}, 0.1));
  }

  @Test
  void wrongArgumentsAreSaid() {
    assertThrows(InvalidInputException.class, () -> Pca.fit(new float[5], 2, 1));
    assertThrows(InvalidInputException.class, () -> Pca.fit(new float[6], 2, 3));
    assertThrows(InvalidInputException.class, () -> Pca.fit(new float[2], 2, 1));
    assertThrows(
        InvalidInputException.class, () -> Pca.fit(new float[] {1, 2, Float.NaN, 4}, 2, 1));
  }

  /** Correlated columns of falling variance. */
  private static float[] random(int rows, int columns) {
    Random random = new Random(9);
    float[] matrix = new float[rows * columns];
    for (int i = 0; i < rows; i++) {
      double shared = random.nextGaussian();
      for (int j = 0; j < columns; j++) {
        matrix[i * columns + j] = (float) ((random.nextGaussian() + shared) / (1 + j));
      }
    }
    return matrix;
  }

  private static double distance(float[] matrix, int columns, int a, int b) {
    double sum = 0;
    for (int j = 0; j < columns; j++) {
      double difference = matrix[a * columns + j] - matrix[b * columns + j];
      sum += difference * difference;
    }
    return Math.sqrt(sum);
  }
}
