package maque.training;

import java.util.List;
import maque.runtime.Encoded;
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
  private final Encoded[] kept;
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
    kept = new Encoded[(int) size];
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

  private Encoded encoded(int row) {
    Encoded encoded = kept[row];
    if (encoded == null) {
      encoded = encoder.encode(text(row));
      int size = encoded.ids().length + encoded.ngrams().length;
      if (keptIds + size <= KEPT_IDS) {
        kept[row] = encoded;
        keptIds += size;
      }
    }
    return encoded;
  }

  int[] ids(int row) {
    return encoded(row).ids();
  }

  /** The rows as a batch with labels. */
  Batch batch(int[] rows) {
    int[][] ids = new int[rows.length][];
    int[][] bags = new int[rows.length][];
    int[] labels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      Encoded encoded = encoded(rows[i]);
      ids[i] = encoded.ids();
      bags[i] = encoded.ngrams();
      labels[i] = label(rows[i]);
    }
    Batch batch =
        encoder.readsTokens()
            ? Batch.of(ids)
            : new Batch(null, null, rows.length, null, null, null, null);
    return (encoder.hasNgrams() ? batch.withBags(bags) : batch).withLabels(labels);
  }
}
