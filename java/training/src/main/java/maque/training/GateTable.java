package maque.training;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Folds the input projection into the table that it reads: a row of each row's gate
 * pre-activations. Products and sums are in double, over the embedding in order, and rounded to
 * float32 once at the end; the same bits for any number of threads.
 */
final class GateTable {
  /**
   * Columns of a block: a few rows' sums stay in the level-1 cache, a block's weights in level 2.
   */
  private static final int COLUMNS = 192;

  private static final int ROWS = 64;

  private final double[] transposed;
  private final double[] bias;
  private final int width;
  private final int embedding;

  /**
   * @param weights [width, embedding]: both directions' input weights, one after the other
   * @param bias [width], or null for none
   */
  GateTable(float[] weights, float[] bias, int width, int embedding) {
    this.width = width;
    this.embedding = embedding;
    transposed = new double[weights.length];
    for (int j = 0; j < width; j++) {
      for (int p = 0; p < embedding; p++) {
        transposed[at(p, j)] = weights[j * embedding + p];
      }
    }
    this.bias = new double[width];
    for (int j = 0; j < width && bias != null; j++) {
      this.bias[j] = bias[j];
    }
  }

  /** Where a block's weights lie: [columns / COLUMNS][embedding][columns of the block]. */
  private int at(int p, int j) {
    int begin = j / COLUMNS * COLUMNS;
    return begin * embedding + p * Math.min(COLUMNS, width - begin) + j - begin;
  }

  /**
   * The table [rows, width].
   *
   * @param table [rows, embedding]
   * @param threads that end with the call
   */
  float[] fold(float[] table, int rows, int threads) {
    float[] out = new float[Math.multiplyExact(rows, width)];
    ExecutorService pool = Executors.newFixedThreadPool(threads, GateTable::thread);
    try {
      List<Future<?>> parts = new ArrayList<>();
      for (int row = 0; row < rows; row += ROWS) {
        int begin = row;
        parts.add(pool.submit(() -> fold(table, begin, Math.min(rows, begin + ROWS), out)));
      }
      for (Future<?> part : parts) {
        part.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancelledException("interrupted while folding");
    } catch (ExecutionException e) {
      throw new TrainingException("folding failed: " + e.getCause(), e.getCause());
    } finally {
      pool.shutdownNow();
    }
    return out;
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "maque-fold");
    thread.setDaemon(true);
    return thread;
  }

  private void fold(float[] table, int firstRow, int end, float[] out) {
    for (int begin = 0; begin < width; begin += COLUMNS) {
      double[] sums = new double[Math.min(COLUMNS, width - begin)];
      for (int row = firstRow; row < end; row++) {
        multiply(table, row * embedding, begin, sums);
        for (int j = 0; j < sums.length; j++) {
          out[row * width + begin + j] = (float) sums[j];
        }
      }
    }
  }

  /** One row's sums over one block of columns. */
  private void multiply(float[] table, int row, int begin, double[] sums) {
    int n = sums.length;
    System.arraycopy(bias, begin, sums, 0, n);
    int from = begin * embedding;
    int p = 0;
    for (; p + 4 <= embedding; p += 4, from += 4 * n) {
      double x0 = table[row + p];
      double x1 = table[row + p + 1];
      double x2 = table[row + p + 2];
      double x3 = table[row + p + 3];
      for (int j = 0; j < n; j++) {
        sums[j] =
            sums[j]
                + x0 * transposed[from + j]
                + x1 * transposed[from + n + j]
                + x2 * transposed[from + 2 * n + j]
                + x3 * transposed[from + 3 * n + j];
      }
    }
    for (; p < embedding; p++, from += n) {
      double x = table[row + p];
      for (int j = 0; j < n; j++) {
        sums[j] += x * transposed[from + j];
      }
    }
  }
}
