package maque.training;

import java.util.List;
import maque.runtime.InvalidInputException;
import maque.runtime.TextEncoder;

/**
 * The texts of a run as token ids: labelled examples first, then unlabelled texts. Ids are kept up
 * to a bound and made again beyond it. One thread.
 */
final class Rows {
  private static final long KEPT_IDS = 16L << 20;

  private final TextEncoder encoder;
  private final DataSet labelled;
  private final Texts transfer;
  private final int[][] kept;
  private long keptIds;

  /**
   * @param transfer null for none
   */
  Rows(TextEncoder encoder, DataSet labelled, Texts transfer) {
    this.encoder = encoder;
    this.labelled = labelled;
    this.transfer = transfer == null ? Texts.of(List.of()) : transfer;
    long size = (long) labelled.size() + this.transfer.size();
    if (size > Integer.MAX_VALUE - 64) {
      throw new InvalidInputException(size + " rows are more than one run can number");
    }
    kept = new int[(int) size][];
  }

  int size() {
    return kept.length;
  }

  String text(int row) {
    return row < labelled.size() ? labelled.get(row) : transfer.get(row - labelled.size());
  }

  int label(int row) {
    return row < labelled.size() ? labelled.examples().get(row).label() : Example.NO_LABEL;
  }

  /** In characters or bytes, without encoding the text. */
  int length(int row) {
    return row < labelled.size() ? labelled.length(row) : transfer.length(row - labelled.size());
  }

  int[] ids(int row) {
    int[] ids = kept[row];
    if (ids == null) {
      ids = encoder.encode(text(row)).ids();
      if (keptIds + ids.length <= KEPT_IDS) {
        kept[row] = ids;
        keptIds += ids.length;
      }
    }
    return ids;
  }

  /** The rows as a batch with labels. */
  Batch batch(int[] rows) {
    int[][] ids = new int[rows.length][];
    int[] labels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      ids[i] = ids(rows[i]);
      labels[i] = label(rows[i]);
    }
    return Batch.of(ids).withLabels(labels);
  }
}
