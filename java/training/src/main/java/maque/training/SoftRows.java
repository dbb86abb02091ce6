package maque.training;

import java.nio.ByteBuffer;
import java.util.Arrays;
import maque.runtime.InvalidInputException;

/**
 * The teacher's logits of a run's rows, in memory up to a bound and read from their source beyond
 * it.
 */
final class SoftRows {
  private static final long KEPT_FLOATS = 16L << 20;

  private final LogitSource store;
  private final Rows rows;
  private final int classes;
  private final float[][] kept;
  private final boolean[] present;
  private int missing;

  SoftRows(LogitSource store, Rows rows, int classes) {
    this.store = store;
    this.rows = rows;
    this.classes = classes;
    kept = new float[rows.size()][];
    present = new boolean[rows.size()];
    long left = KEPT_FLOATS;
    float[] logits = new float[classes];
    for (int row = 0; row < rows.size(); row++) {
      present[row] = store.read(rows.text(row), logits, 0);
      if (!present[row]) {
        missing++;
      } else if (left >= classes) {
        left -= classes;
        kept[row] = logits.clone();
      }
    }
  }

  /** Rows whose logits are not in the store. */
  int missing() {
    return missing;
  }

  /** Refuses a run whose rows are not all scored. */
  void requireAll() {
    if (missing > 0) {
      throw new InvalidInputException(
          missing
              + " of "
              + rows.size()
              + " training texts have no soft targets in the store; score them first");
    }
  }

  /** A hash of all logits, which the run's result depends on. */
  String hash() {
    Sha256 sha = new Sha256();
    float[] logits = new float[classes];
    ByteBuffer bytes = ByteBuffer.allocate(4 * classes);
    for (int row = 0; row < rows.size(); row++) {
      Arrays.fill(logits, 0);
      read(row, logits, 0);
      bytes.asFloatBuffer().put(logits);
      sha.add(bytes);
    }
    return sha.hex();
  }

  private void read(int row, float[] out, int at) {
    if (kept[row] != null) {
      System.arraycopy(kept[row], 0, out, at, classes);
    } else if (present[row]) {
      store.read(rows.text(row), out, at);
    }
  }

  /** Adds soft targets to a batch of rows. */
  Batch with(Batch batch, int[] picked) {
    float[] soft = new float[picked.length * classes];
    int[] has = new int[picked.length];
    for (int i = 0; i < picked.length; i++) {
      read(picked[i], soft, i * classes);
      has[i] = present[picked[i]] ? 1 : 0;
    }
    return batch.withSoft(soft, has);
  }
}
