package maque.runtime;

import java.util.Arrays;
import java.util.List;

/** Cleaning, normalising, a segmenter's words, and their places in the vocabulary. */
final class WordEncoder implements TextEncoder {
  /** For {@code unknown}: words that are not in the vocabulary are left out. */
  static final int SKIP = -1;

  private static final int INITIAL_TOKENS = 64;

  private final WordPieceTrie vocabulary;
  private final int vocabSize;
  private final Segmenter segmenter;
  private final Cleaning cleaning;
  private final TextNormalizer normalizer;
  private final int maxTokens;
  private final int unknown;

  WordEncoder(
      List<String> vocab,
      Segmenter segmenter,
      Cleaning cleaning,
      TextNormalizer normalizer,
      int maxTokens,
      int unknown) {
    vocabulary = new WordPieceTrie(vocab);
    vocabSize = vocab.size();
    this.segmenter = segmenter;
    this.cleaning = cleaning;
    this.normalizer = normalizer;
    this.maxTokens = maxTokens;
    this.unknown = unknown;
  }

  @Override
  public Encoded encode(CharSequence text) {
    WordSession session = new WordSession();
    session.fill(text, new int[Math.min(maxTokens, INITIAL_TOKENS)], maxTokens);
    return new Encoded(Arrays.copyOf(session.out, session.count), session.truncated);
  }

  @Override
  public int maxTokens() {
    return maxTokens;
  }

  @Override
  public int vocabSize() {
    return vocabSize;
  }

  @Override
  public Session session() {
    return new WordSession();
  }

  private final class WordSession implements NgramEncoder.CutSession {
    private final StringBuilder cleaned = new StringBuilder();
    private final StringBuilder normal = new StringBuilder();
    private int[] out;
    private int limit;
    private int count;
    private boolean truncated;

    @Override
    public int encode(CharSequence text, int[] ids) {
      fill(text, ids, Math.min(maxTokens, ids.length));
      out = null;
      return count;
    }

    @Override
    public boolean truncated() {
      return truncated;
    }

    private void fill(CharSequence text, int[] ids, int most) {
      out = ids;
      limit = most;
      count = 0;
      truncated = false;
      normalizer.apply(cleaning.apply(text, cleaned), normal);
      if (segmenter instanceof BuiltInSegmenter builtIn) {
        parts(builtIn);
      } else {
        words(segmenter.segment(normal.toString()));
      }
    }

    private void words(List<String> words) {
      int end = 0;
      for (String word : words) {
        int start = normal.indexOf(word, end);
        add(vocabulary.find(word, 0, word.length()));
        if (truncated) {
          normal.setLength(end);
          return;
        }
        end = start < 0 ? end : start + word.length();
      }
    }

    private void parts(BuiltInSegmenter builtIn) {
      int start = builtIn.start(normal, 0);
      while (start < normal.length() && !truncated) {
        int end = builtIn.end(normal, start);
        add(vocabulary.find(normal, start, end));
        if (truncated) {
          normal.setLength(start);
          return;
        }
        start = builtIn.start(normal, end);
      }
    }

    @Override
    public CharSequence cut() {
      return normal;
    }

    /** Adds a word's id; {@code out} grows where it is shorter than the limit. */
    private void add(int found) {
      int id = found < 0 ? unknown : found;
      if (id == SKIP) {
        return;
      }
      if (count == limit) {
        truncated = true;
        return;
      }
      if (count == out.length) {
        out = Arrays.copyOf(out, (int) Math.min(limit, 2L * count));
      }
      out[count++] = id;
    }
  }
}
