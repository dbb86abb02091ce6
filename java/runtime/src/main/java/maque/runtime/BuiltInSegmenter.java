package maque.runtime;

import java.util.ArrayList;
import java.util.List;

/** A segmenter whose words are parts of the text, found without memory of what came before. */
abstract sealed class BuiltInSegmenter implements Segmenter {
  private static final CharMap MAP = CharMap.of(false, false, false);

  private final String name;

  private BuiltInSegmenter(String name) {
    this.name = name;
  }

  /** Where the word ends that starts at a position. */
  abstract int end(CharSequence text, int start);

  /** Where the first word at or after a position starts; the text's length if there is none. */
  final int start(CharSequence text, int from) {
    int start = from;
    while (start < text.length() && isSpace(text.charAt(start))) {
      start++;
    }
    return start;
  }

  /** White space as BERT's tokenizer has it; none of it is beyond U+FFFF. */
  static boolean isSpace(char unit) {
    return CharMap.kind(MAP.entry(unit)) == CharMap.SPACE;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final String version() {
    return "1";
  }

  @Override
  public final String hash() {
    return "";
  }

  @Override
  public final List<String> segment(CharSequence text) {
    List<String> words = new ArrayList<>();
    int start = start(text, 0);
    while (start < text.length()) {
      int end = end(text, start);
      words.add(text.subSequence(start, end).toString());
      start = start(text, end);
    }
    return words;
  }

  /** What stands between white space. */
  static final class Spaces extends BuiltInSegmenter {
    Spaces() {
      super("spaces");
    }

    @Override
    int end(CharSequence text, int start) {
      int end = start;
      while (end < text.length() && !isSpace(text.charAt(end))) {
        end++;
      }
      return end;
    }
  }

  /** Each code point that is no white space. */
  static final class Characters extends BuiltInSegmenter {
    Characters() {
      super("characters");
    }

    @Override
    int end(CharSequence text, int start) {
      return start + Character.charCount(Character.codePointAt(text, start));
    }
  }
}
