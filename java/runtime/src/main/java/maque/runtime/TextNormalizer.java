package maque.runtime;

/**
 * Does to a whole text what BERT's normalizer does (control characters, white space, and, if asked,
 * lower case and accents), without cutting it into words. Marks that stay keep their order.
 * Immutable.
 */
final class TextNormalizer {
  private final CharMap map;

  TextNormalizer(boolean lowercase, boolean stripAccents) {
    map = CharMap.of(lowercase, stripAccents, false);
  }

  /** Writes the normalised text over a buffer. */
  void apply(CharSequence text, StringBuilder to) {
    apply(text, text.length(), to);
  }

  /** As {@link #apply(CharSequence, StringBuilder)}, of the text before an end. */
  void apply(CharSequence text, int end, StringBuilder to) {
    to.setLength(0);
    int next;
    for (int at = 0; at < end; at = next) {
      int codePoint = Character.codePointAt(text, at);
      next = at + Character.charCount(codePoint);
      append(map.entry(codePoint), codePoint, to);
    }
  }

  private void append(int entry, int codePoint, StringBuilder to) {
    switch (CharMap.kind(entry)) {
      case CharMap.SELF -> to.appendCodePoint(codePoint);
      case CharMap.DROPPED, CharMap.BOUNDARY -> {}
      case CharMap.SPACE -> to.append(' ');
      case CharMap.HANGUL -> {
        to.append((char) Hangul.leading(codePoint)).append((char) Hangul.vowel(codePoint));
        int trailing = Hangul.trailing(codePoint);
        if (trailing != 0) {
          to.append((char) trailing);
        }
      }
      case CharMap.SEQUENCE -> {
        int first = CharMap.value(entry);
        for (int i = 0; i < CharMap.number(entry); i++) {
          to.appendCodePoint(CharMap.value(map.element(first + i)));
        }
      }
      default -> to.appendCodePoint(CharMap.value(entry));
    }
  }
}
