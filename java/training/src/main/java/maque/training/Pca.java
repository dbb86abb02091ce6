package maque.training;

import java.util.Arrays;
import maque.runtime.InvalidInputException;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;

/**
 * Principal components of a matrix's rows: the directions of greatest variance, from the
 * eigenvectors of the covariance matrix. Each direction has its largest entry (of equal ones the
 * first) positive, so that the same rows give the same bits on every machine. Immutable.
 */
public final class Pca {
  private final double[] mean;
  private final double[][] directions;
  private final double[] variances;

  private Pca(double[] mean, double[][] directions, double[] variances) {
    this.mean = mean;
    this.directions = directions;
    this.variances = variances;
  }

  /**
   * Finds the components.
   *
   * @param matrix [rows, columns]
   * @param components how many, 1 to {@code columns}
   * @throws InvalidInputException if sizes do not fit or a value is not finite
   */
  public static Pca fit(float[] matrix, int columns, int components) {
    int rows = rows(matrix, columns);
    if (components < 1 || components > columns || rows < 2) {
      throw new InvalidInputException(
          components + " components of " + rows + " rows of " + columns + " values: not possible");
    }
    double[] mean = mean(matrix, rows, columns);
    double[][] covariance = covariance(matrix, rows, mean);
    EigenDecomposition eigen = new EigenDecomposition(new Array2DRowRealMatrix(covariance, false));
    double[][] directions = new double[components][];
    double[] variances = new double[components];
    for (int k = 0; k < components; k++) {
      directions[k] = oriented(eigen.getEigenvector(k).toArray());
      // Rounding may leave a variance of zero below it.
      variances[k] = Math.max(0, eigen.getRealEigenvalue(k));
    }
    return new Pca(mean, directions, variances);
  }

  /**
   * The first components of each row of the matrix that they are found from.
   *
   * @return [rows, components], each column with mean 0
   */
  public static float[] reduce(float[] matrix, int columns, int components) {
    return fit(matrix, columns, components).transform(matrix);
  }

  /** Components along which rows vary, greatest first: n - 1 in the denominator. */
  public double[] variances() {
    return variances.clone();
  }

  /**
   * Where rows lie along the components.
   *
   * @param matrix [rows, columns] of as many columns as fitted
   * @return [rows, components]
   */
  public float[] transform(float[] matrix) {
    int columns = mean.length;
    int rows = rows(matrix, columns);
    int components = directions.length;
    float[] result = new float[Math.multiplyExact(rows, components)];
    double[] sums = new double[components];
    double[][] byColumn = new double[columns][components];
    for (int k = 0; k < components; k++) {
      for (int j = 0; j < columns; j++) {
        byColumn[j][k] = directions[k][j];
      }
    }
    for (int i = 0; i < rows; i++) {
      Arrays.fill(sums, 0);
      for (int j = 0; j < columns; j++) {
        addScaled(sums, byColumn[j], matrix[i * columns + j] - mean[j], 0);
      }
      for (int k = 0; k < components; k++) {
        result[i * components + k] = (float) sums[k];
      }
    }
    return result;
  }

  /**
   * Values times one factor, so that their standard deviation, over all of them, is that given. All
   * equal values stay as they are.
   */
  public static float[] scaled(float[] values, double standardDeviation) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    double mean = sum / values.length;
    double squares = 0;
    for (float value : values) {
      squares += (value - mean) * (value - mean);
    }
    double factor = squares == 0 ? 1 : standardDeviation / Math.sqrt(squares / values.length);
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = (float) (values[i] * factor);
    }
    return result;
  }

  private static int rows(float[] matrix, int columns) {
    if (columns < 1 || matrix.length % columns != 0) {
      throw new InvalidInputException(matrix.length + " values are no rows of " + columns);
    }
    for (int i = 0; i < matrix.length; i++) {
      if (!Float.isFinite(matrix[i])) {
        throw new InvalidInputException(
            "row " + i / columns + " of the matrix is not finite: " + matrix[i]);
      }
    }
    return matrix.length / columns;
  }

  private static double[] mean(float[] matrix, int rows, int columns) {
    double[] mean = new double[columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        mean[j] += matrix[i * columns + j];
      }
    }
    for (int j = 0; j < columns; j++) {
      mean[j] /= rows;
    }
    return mean;
  }

  private static double[][] covariance(float[] matrix, int rows, double[] mean) {
    int columns = mean.length;
    double[][] sums = new double[columns][columns];
    double[] row = new double[columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        row[j] = matrix[i * columns + j] - mean[j];
      }
      for (int j = 0; j < columns; j++) {
        addScaled(sums[j], row, row[j], j);
      }
    }
    for (int j = 0; j < columns; j++) {
      for (int k = j; k < columns; k++) {
        sums[j][k] /= rows - 1;
        sums[k][j] = sums[j][k];
      }
    }
    return sums;
  }

  /** The inner loop of both products; the compiler makes vector instructions of it. */
  private static void addScaled(double[] sums, double[] values, double factor, int from) {
    for (int k = from; k < sums.length; k++) {
      sums[k] += factor * values[k];
    }
  }

  private static double[] oriented(double[] direction) {
    int largest = 0;
    for (int j = 1; j < direction.length; j++) {
      if (Math.abs(direction[j]) > Math.abs(direction[largest])) {
        largest = j;
      }
    }
    if (direction[largest] < 0) {
      for (int j = 0; j < direction.length; j++) {
        direction[j] = -direction[j];
      }
    }
    return direction;
  }
}
