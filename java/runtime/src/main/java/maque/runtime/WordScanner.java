package maque.runtime;

/**
 * Reads a text word by word as BERT's normalizer and its splitting at spaces and punctuation leave
 * them. A word is built in a buffer of fixed size, so that no text makes it allocate: of a word
 * that is too long for WordPiece only its length is known. For one thread.
 */
final class WordScanner {
  /** Words of more code points than this are unknown to WordPiece, whatever they are. */
  static final int MAX_CODE_POINTS = 100;

  private final CharMap map;
  private final char[] word = new char[2 * MAX_CODE_POINTS];
  private int length;
  private int codePoints;

  /** Where in the word the marks begin that may change places with the next one. */
  private int runStart;

  private CharSequence text = "";
  private int position;
  private int end;

  /** The elements of a character's sequence that are still to be read. */
  private int element;

  private int elementEnd;

  WordScanner(CharMap map) {
    this.map = map;
  }

  /** Begins with a text, which must not change until its last word is read. */
  void start(CharSequence newText) {
    text = newText;
    position = 0;
    end = newText.length();
    element = 0;
    elementEnd = 0;
  }

  /** Lets go of the text. */
  void finish() {
    start("");
  }

  /** How far the text has been read. */
  int position() {
    return position;
  }

  /** The UTF-16 units of the current word, from 0 to {@link #length()}. */
  char[] word() {
    return word;
  }

  int length() {
    return length;
  }

  /** Whether the current word has more than {@link #MAX_CODE_POINTS}; the buffer lacks the rest. */
  boolean tooLong() {
    return codePoints > MAX_CODE_POINTS;
  }

  /** Goes to the next word; false at the end of the text. */
  boolean next() {
    length = 0;
    codePoints = 0;
    runStart = 0;
    while (true) {
      if (element < elementEnd) {
        int entry = map.element(element);
        if (CharMap.kind(entry) == CharMap.ALONE && codePoints > 0) {
          return true;
        }
        element++;
        append(entry);
        if (CharMap.kind(entry) == CharMap.ALONE) {
          return true;
        }
        continue;
      }
      if (position >= end) {
        return codePoints > 0;
      }
      int codePoint = text.charAt(position);
      int next = position + 1;
      if (Character.isHighSurrogate((char) codePoint)
          && next < end
          && Character.isLowSurrogate(text.charAt(next))) {
        codePoint = Character.toCodePoint((char) codePoint, text.charAt(next));
        next++;
      }
      int entry = map.entry(codePoint);
      switch (CharMap.kind(entry)) {
        case CharMap.SELF -> appendStarter(codePoint);
        case CharMap.DROPPED -> {}
        case CharMap.BOUNDARY -> runStart = length;
        case CharMap.SPACE -> {
          if (codePoints > 0) {
            position = next;
            return true;
          }
        }
        case CharMap.ALONE -> {
          // After a word it is read again, to be the next one.
          if (codePoints == 0) {
            position = next;
            append(entry);
          }
          return true;
        }
        case CharMap.HANGUL -> appendHangul(codePoint);
        case CharMap.SEQUENCE -> {
          element = CharMap.value(entry);
          elementEnd = element + CharMap.number(entry);
        }
        default -> append(entry);
      }
      position = next;
    }
  }

  private void append(int entry) {
    if (CharMap.kind(entry) == CharMap.MARK) {
      insertMark(CharMap.value(entry), CharMap.number(entry));
    } else {
      appendStarter(CharMap.value(entry));
    }
  }

  private void appendStarter(int codePoint) {
    if (codePoints < MAX_CODE_POINTS) {
      if (codePoint < Character.MIN_SUPPLEMENTARY_CODE_POINT) {
        word[length++] = (char) codePoint;
      } else {
        word[length++] = Character.highSurrogate(codePoint);
        word[length++] = Character.lowSurrogate(codePoint);
      }
      runStart = length;
    }
    codePoints++;
  }

  /** Canonical ordering: a mark goes before those of a higher class that it follows. */
  private void insertMark(int codePoint, int rank) {
    if (codePoints < MAX_CODE_POINTS) {
      int at = length;
      while (at > runStart) {
        int before = Character.codePointBefore(word, at, runStart);
        if (CharMap.number(map.entry(before)) <= rank) {
          break;
        }
        at -= Character.charCount(before);
      }
      int width = Character.charCount(codePoint);
      System.arraycopy(word, at, word, at + width, length - at);
      Character.toChars(codePoint, word, at);
      length += width;
    }
    codePoints++;
  }

  private void appendHangul(int syllable) {
    appendStarter(Hangul.leading(syllable));
    appendStarter(Hangul.vowel(syllable));
    int trailing = Hangul.trailing(syllable);
    if (trailing != 0) {
      appendStarter(trailing);
    }
  }
}
