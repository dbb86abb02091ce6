package maque.runtime;

/** Turns a text into the ids that a model reads. Immutable and thread-safe. */
public interface TextEncoder {
  /** The ids of a text, at most {@link #maxTokens()}; more are cut off, which the result says. */
  Encoded encode(CharSequence text);

  /** The most ids that a text gets, special tokens included. */
  int maxTokens();

  /** The number of ids, which are 0 to this less 1. */
  int vocabSize();

  /** Whether a text has n-grams beside its ids. */
  default boolean hasNgrams() {
    return false;
  }

  /** Whether the model reads the ids; a bag reads the n-grams alone. */
  default boolean readsTokens() {
    return true;
  }

  /** Scratch memory for one thread's calls that allocate nothing. */
  Session session();

  /** Not safe for two threads at once. */
  interface Session {
    /**
     * Writes the ids of a text and returns their number. With the segmenters that are built in, and
     * with WordPiece, nothing is allocated once the scratch memory has seen the longest text.
     *
     * @param out receives the ids; {@link TextEncoder#maxTokens()} long, or the text is cut to its
     *     length
     */
    int encode(CharSequence text, int[] out);

    /** Whether the last text was cut. */
    boolean truncated();

    /**
     * The buckets of the last text's n-grams, {@link #ngramCount()} of them: the session's own
     * memory, valid until the next call.
     */
    default int[] ngrams() {
      return new int[0];
    }

    /** The number of the last text's n-grams; 0 where the model has none. */
    default int ngramCount() {
      return 0;
    }
  }
}
