package maque.runtime;

/** What is done to a text before it is cut into tokens; {@code clean} in config.json. */
public enum Cleaning {
  /** Nothing. */
  NONE("none"),

  /**
   * Keeps the letters A to Z and a to z, the digits 0 to 9 and the ideographs U+4E00 to U+9FA5, and
   * removes all else, spaces included, so that English words run together. What models distilled
   * with the seed preset were trained on.
   */
  SEED("seed");

  private final String id;

  Cleaning(String id) {
    this.id = id;
  }

  /** The name in config.json and on the command line. */
  public String id() {
    return id;
  }

  /**
   * The cleaning of a name.
   *
   * @throws InvalidInputException if there is none
   */
  public static Cleaning of(String id) {
    for (Cleaning cleaning : values()) {
      if (cleaning.id.equals(id)) {
        return cleaning;
      }
    }
    throw new InvalidInputException("cleaning is none or seed, not " + id);
  }

  /** The text cleaned; itself where nothing is done. */
  public CharSequence apply(CharSequence text) {
    return this == NONE ? text : apply(text, new StringBuilder(text.length()));
  }

  /** As {@link #apply(CharSequence)}, writing over a buffer where it needs one. */
  CharSequence apply(CharSequence text, StringBuilder buffer) {
    if (this == NONE) {
      return text;
    }
    buffer.setLength(0);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (isKept(c)) {
        buffer.append(c);
      }
    }
    return buffer;
  }

  private static boolean isKept(char c) {
    return (c >= '0' && c <= '9')
        || (c >= 'A' && c <= 'Z')
        || (c >= 'a' && c <= 'z')
        || (c >= '\u4E00' && c <= '\u9FA5');
  }
}
