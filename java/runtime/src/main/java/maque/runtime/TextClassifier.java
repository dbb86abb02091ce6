package maque.runtime;

import java.util.List;

/**
 * A model that answers texts with logits over labels. Thread-safe and immutable until closed;
 * closing it while other threads compute is safe: calls under way end, later ones throw {@link
 * IllegalStateException}. A second close does nothing. The result for one text never depends on the
 * texts around it.
 *
 * <p>Every text has an answer, the empty one too; one that is longer than the model's {@code
 * max_tokens} is cut, and a lone surrogate reads as U+FFFD.
 */
public interface TextClassifier extends AutoCloseable {
  /** Class names in the order of the logits. */
  List<String> labels();

  /** What turns texts into ids. */
  TextEncoder encoder();

  /** Label and probabilities of one text. */
  Prediction predict(CharSequence text);

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

  /** Number of weights. */
  long parameters();

  @Override
  void close();
}
