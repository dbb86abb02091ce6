package maque.runtime;

import java.util.List;

/**
 * A model that answers texts with logits over labels. Thread-safe and immutable until closed;
 * closing it while other threads compute is safe: calls under way end, later ones throw {@link
 * IllegalStateException}. The result for one text never depends on the texts around it.
 */
public interface TextClassifier extends Predictor {
  /** What turns texts into ids. */
  TextEncoder encoder();

  /**
   * What logits are divided by before they become probabilities: fitted on labelled texts after
   * training, so that of the texts answered with probability p a part of about p is right (Guo et
   * al., arXiv 1706.04599); 1 where it was not fitted. It changes no label.
   */
  double temperature();

  /** Logits of one text, one for each label. */
  float[] logits(CharSequence text);

  /** Logits of each text, in the texts' order. */
  float[][] logits(List<? extends CharSequence> texts);

  /**
   * Logits of n texts that are ids already.
   *
   * @param ids those of all texts end to end, each 0 to the encoder's vocabulary size less 1
   * @param offsets text i has ids[offsets[i]] to before ids[offsets[i + 1]]; n + 1 numbers, the
   *     first 0, none below the one before
   * @throws InvalidInputException where they are not so, or a text is longer than the model can
   *     read
   */
  float[][] logitsOfIds(int[] ids, int[] offsets, int n);

  /**
   * Bytes of native memory that the model holds, its scratch included; on the plain Java path those
   * of its arrays and buffers.
   */
  long nativeBytes();

  /** Nanoseconds that reading, checking and building the model took. */
  long loadNanos();

  /** Number of weights. */
  long parameters();
}
