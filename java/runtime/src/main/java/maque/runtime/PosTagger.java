package maque.runtime;

import java.util.List;

/**
 * Cuts a text into words and says the part of speech of each. Found by {@link
 * java.util.ServiceLoader}; none is built in. No model needs one to answer: it serves the
 * augmentation of training texts. Implementations are thread-safe and the same text always gets the
 * same words.
 */
public interface PosTagger {
  /**
   * A word of a text.
   *
   * @param begin index of its first UTF-16 unit in the text
   * @param end index after its last
   * @param tag its part of speech in the tagger's own terms
   */
  record Word(int begin, int end, String tag) {}

  /** The name by which a command asks for this tagger. */
  String name();

  /** The language it is for, as BCP 47 has it: {@code zh}, {@code en}. */
  String language();

  /** Changes whenever the words or tags of some text may change. */
  String version();

  /**
   * The words of a text in its order, without overlap; what lies between them, such as spaces,
   * belongs to none.
   */
  List<Word> tag(String text);
}
