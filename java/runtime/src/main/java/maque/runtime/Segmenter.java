package maque.runtime;

import java.util.List;

/**
 * Cuts a text into words. Found by {@link java.util.ServiceLoader}; {@code spaces} and {@code
 * characters} are built in. A model records the name, version and dictionary hash of the segmenter
 * that it was trained with, and is not loaded with another. Implementations are thread-safe.
 */
public interface Segmenter {
  /** The name by which a model asks for this segmenter. */
  String name();

  /** Changes whenever the words of some text may change. */
  String version();

  /** A hash of the dictionary, if there is one; otherwise empty. */
  String hash();

  /** The words of a text in order; parts without words, such as spaces, may be left out. */
  List<String> segment(CharSequence text);
}
