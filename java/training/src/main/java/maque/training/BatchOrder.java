package maque.training;

import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import maque.runtime.InvalidInputException;

/**
 * Which rows make up which batch: a pure function of the step's number, so that a run can resume
 * anywhere. Each epoch is a new {@link KeyedPermutation} of the rows (or their own order). With
 * pools of more than one batch, the rows of a pool are sorted by length before they are cut into
 * batches, and the pool's batches come in a keyed order of their own. The last batch of an epoch
 * may be smaller. Not thread-safe: it keeps the last pool.
 */
public final class BatchOrder {
  private final int rows;
  private final int batchSize;
  private final boolean shuffle;
  private final long seed;
  private final int poolBatches;
  private final IntUnaryOperator length;
  private long cachedPool = -1;
  private int[] cachedRows;

  /**
   * @param poolBatches batches of a pool that is sorted by length; 1 for none
   * @param length a row's length in any unit (not called when poolBatches is 1)
   */
  public BatchOrder(
      int rows,
      int batchSize,
      boolean shuffle,
      long seed,
      int poolBatches,
      IntUnaryOperator length) {
    if (rows < 1 || batchSize < 1 || poolBatches < 1) {
      throw new InvalidInputException(
          "an order needs rows, a batch size and pools of at least 1: "
              + rows
              + ", "
              + batchSize
              + ", "
              + poolBatches);
    }
    this.rows = rows;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.seed = seed;
    this.poolBatches = shuffle ? poolBatches : 1;
    this.length = length;
  }

  public long batchesPerEpoch() {
    return (rows + batchSize - 1L) / batchSize;
  }

  /** Rows of batch number {@code step}, counted from 0 over all epochs. */
  public int[] batch(long step) {
    long perEpoch = batchesPerEpoch();
    long epoch = step / perEpoch;
    long inEpoch = step % perEpoch;
    long pool = inEpoch / poolBatches;
    int[] poolRows = pool(epoch, pool);
    int chunks = (poolRows.length + batchSize - 1) / batchSize;
    int chunk = (int) (inEpoch % poolBatches);
    if (poolBatches > 1) {
      chunk = (int) new KeyedPermutation(chunks, seed, epoch, pool).at(chunk);
    }
    int from = chunk * batchSize;
    return Arrays.copyOfRange(poolRows, from, Math.min(poolRows.length, from + batchSize));
  }

  private int[] pool(long epoch, long pool) {
    long perPool = (long) poolBatches * batchSize;
    long id = epoch * (batchesPerEpoch() + 1) + pool;
    if (id == cachedPool) {
      return cachedRows;
    }
    long from = pool * perPool;
    int size = (int) Math.min(perPool, rows - from);
    KeyedPermutation permutation = new KeyedPermutation(rows, seed, epoch);
    int[] picked = new int[size];
    for (int i = 0; i < size; i++) {
      picked[i] = (int) (shuffle ? permutation.at(from + i) : from + i);
    }
    if (poolBatches > 1) {
      sortByLength(picked);
    }
    cachedPool = id;
    cachedRows = picked;
    return picked;
  }

  /** Stable: rows of one length keep their shuffled order. */
  private void sortByLength(int[] picked) {
    long[] keyed = new long[picked.length];
    for (int i = 0; i < picked.length; i++) {
      keyed[i] = (long) length.applyAsInt(picked[i]) << 32 | i;
    }
    Arrays.sort(keyed);
    int[] sorted = new int[picked.length];
    for (int i = 0; i < picked.length; i++) {
      sorted[i] = picked[(int) keyed[i]];
    }
    System.arraycopy(sorted, 0, picked, 0, sorted.length);
  }
}
