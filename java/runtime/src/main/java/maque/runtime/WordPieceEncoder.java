package maque.runtime;

/** Cleaning, then {@link Tokenizer}. */
final class WordPieceEncoder implements TextEncoder {
  private final Tokenizer tokenizer;
  private final Cleaning cleaning;
  private final int maxTokens;
  private final boolean specialTokens;

  WordPieceEncoder(Tokenizer tokenizer, Cleaning cleaning, int maxTokens, boolean specialTokens) {
    this.tokenizer = tokenizer;
    this.cleaning = cleaning;
    this.maxTokens = maxTokens;
    this.specialTokens = specialTokens;
  }

  @Override
  public Encoded encode(CharSequence text) {
    return tokenizer.encoded(cleaning.apply(text), maxTokens, specialTokens);
  }

  @Override
  public int maxTokens() {
    return maxTokens;
  }

  @Override
  public int vocabSize() {
    return tokenizer.vocabSize();
  }

  @Override
  public Session session() {
    Tokenizer.Session session = tokenizer.session();
    StringBuilder cleaned = new StringBuilder();
    return new Session() {
      @Override
      public int encode(CharSequence text, int[] out) {
        int limit = Math.min(maxTokens, out.length);
        return session.encode(cleaning.apply(text, cleaned), out, limit, specialTokens);
      }

      @Override
      public boolean truncated() {
        return session.truncated();
      }
    };
  }
}
