package maque.runtime;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;

/**
 * An encoder's ids, and the buckets of the text's n-grams. Of a text that is cut, they are those of
 * what its ids were made of.
 */
final class NgramEncoder implements TextEncoder {
  private final TextEncoder tokens;
  private final Ngrams ngrams;
  private final boolean readsTokens;
  private final AtomicReference<NgramSession> spare = new AtomicReference<>();

  /** A session that shows what its ids were made of. */
  interface CutSession extends Session {
    /** The last text, cleaned and normalised, cut where its ids are; valid until the next call. */
    CharSequence cut();
  }

  /**
   * Adds n-grams.
   *
   * @param tokens its sessions are {@link CutSession}s where n-grams are of characters
   * @param readsTokens whether the model reads the ids too
   */
  NgramEncoder(TextEncoder tokens, Ngrams ngrams, boolean readsTokens) {
    this.tokens = tokens;
    this.ngrams = ngrams;
    this.readsTokens = readsTokens;
  }

  @Override
  public Encoded encode(CharSequence text) {
    NgramSession session = spare.getAndSet(null);
    if (session == null) {
      session = new NgramSession();
    }
    Encoded encoded = session.encode(text);
    spare.set(session);
    return encoded;
  }

  /**
   * The buckets of a text that is ids already.
   *
   * @throws InvalidInputException where n-grams are of characters, which ids do not tell
   */
  int[] ofIds(int[] ids) {
    if (ngrams.unit() != Ngrams.Unit.TOKENS) {
      throw new InvalidInputException(
          "the model reads n-grams of characters, which ids alone do not tell");
    }
    NgramHasher hasher = new NgramHasher(ngrams);
    hasher.ofTokens(ids, ids.length);
    return Arrays.copyOf(hasher.buckets(), hasher.count());
  }

  @Override
  public int maxTokens() {
    return tokens.maxTokens();
  }

  @Override
  public int vocabSize() {
    return tokens.vocabSize();
  }

  @Override
  public boolean hasNgrams() {
    return true;
  }

  @Override
  public boolean readsTokens() {
    return readsTokens;
  }

  @Override
  public Session session() {
    return new NgramSession();
  }

  private final class NgramSession implements Session {
    private final Session session = tokens.session();
    private final NgramHasher hasher = new NgramHasher(ngrams);
    private int[] own;

    @Override
    public int encode(CharSequence text, int[] out) {
      int count = session.encode(text, out);
      if (ngrams.unit() == Ngrams.Unit.TOKENS) {
        hasher.ofTokens(out, count);
      } else {
        hasher.ofCharacters(((CutSession) session).cut());
      }
      return count;
    }

    Encoded encode(CharSequence text) {
      if (own == null) {
        own = new int[tokens.maxTokens()];
      }
      int count = encode(text, own);
      return new Encoded(
          Arrays.copyOf(own, count),
          session.truncated(),
          Arrays.copyOf(hasher.buckets(), hasher.count()));
    }

    @Override
    public boolean truncated() {
      return session.truncated();
    }

    @Override
    public int[] ngrams() {
      return hasher.buckets();
    }

    @Override
    public int ngramCount() {
      return hasher.count();
    }
  }
}
