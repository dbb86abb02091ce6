package maque.runtime;

/**
 * Cleaning, normalising and a cut: what a bag of characters needs, which has neither tokens nor
 * ids.
 */
final class CharacterCutter implements TextEncoder {
  private final Cleaning cleaning;
  private final TextNormalizer normalizer;
  private final int maxCharacters;

  CharacterCutter(Cleaning cleaning, TextNormalizer normalizer, int maxCharacters) {
    this.cleaning = cleaning;
    this.normalizer = normalizer;
    this.maxCharacters = maxCharacters;
  }

  @Override
  public Encoded encode(CharSequence text) {
    CutterSession session = new CutterSession();
    session.encode(text, new int[0]);
    return new Encoded(new int[0], session.truncated());
  }

  @Override
  public int maxTokens() {
    return maxCharacters;
  }

  @Override
  public int vocabSize() {
    return 0;
  }

  @Override
  public Session session() {
    return new CutterSession();
  }

  private final class CutterSession implements NgramEncoder.CutSession {
    private final StringBuilder cleaned = new StringBuilder();
    private final StringBuilder normal = new StringBuilder();
    private boolean truncated;

    @Override
    public int encode(CharSequence text, int[] out) {
      normalizer.apply(cleaning.apply(text, cleaned), normal);
      int end = 0;
      for (int kept = 0; kept < maxCharacters && end < normal.length(); kept++) {
        end += Character.charCount(Character.codePointAt(normal, end));
      }
      truncated = end < normal.length();
      normal.setLength(end);
      return 0;
    }

    @Override
    public boolean truncated() {
      return truncated;
    }

    @Override
    public CharSequence cut() {
      return normal;
    }
  }
}
