package maque.runtime;

/** Cleaning, then {@link Tokenizer}. */
final class WordPieceEncoder implements TextEncoder {
  private final Tokenizer tokenizer;
  private final Cleaning cleaning;
  private final int maxTokens;
  private final boolean specialTokens;
  private final TextNormalizer normalizer;

  /**
   * Makes one.
   *
   * @param normalizer what the tokenizer does to a text, for sessions that show it; null: they do
   *     not
   */
  WordPieceEncoder(
      Tokenizer tokenizer,
      Cleaning cleaning,
      int maxTokens,
      boolean specialTokens,
      TextNormalizer normalizer) {
    this.normalizer = normalizer;
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
    return new PieceSession();
  }

  private final class PieceSession implements NgramEncoder.CutSession {
    private final Tokenizer.Session session = tokenizer.session();
    private final StringBuilder cleaned = new StringBuilder();
    private final StringBuilder normal = new StringBuilder();

    @Override
    public int encode(CharSequence text, int[] out) {
      int limit = Math.min(maxTokens, out.length);
      CharSequence clean = cleaning.apply(text, cleaned);
      int count = session.encode(clean, out, limit, specialTokens);
      if (normalizer != null) {
        normalizer.apply(clean, session.end(), normal);
      }
      return count;
    }

    @Override
    public boolean truncated() {
      return session.truncated();
    }

    @Override
    public CharSequence cut() {
      return normal;
    }
  }
}
