package maque.runtime;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The recursive-descent reader behind {@link Json}; one document each. */
final class JsonReader {
  private final String text;
  private final String source;
  private int at;
  private int depth;

  JsonReader(String text, String source) {
    this.text = text;
    this.source = source;
  }

  Object document() {
    Object value = value();
    skipSpace();
    if (at < text.length()) {
      throw error("expected the end of the document");
    }
    return value;
  }

  private Object value() {
    skipSpace();
    char c = peek("a value");
    switch (c) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return literal("true", Boolean.TRUE);
      case 'f':
        return literal("false", Boolean.FALSE);
      case 'n':
        return literal("null", null);
      default:
        return number();
    }
  }

  private Map<String, Object> object() {
    enter();
    Map<String, Object> map = new LinkedHashMap<>();
    if (!closes('}')) {
      do {
        skipSpace();
        if (peek("a key") != '"') {
          throw error("expected a key");
        }
        int keyAt = at;
        String key = string();
        expect(':');
        Object value = value();
        if (map.containsKey(key)) {
          at = keyAt;
          throw error("key \"" + key + "\" a second time");
        }
        map.put(key, value);
      } while (continues('}'));
    }
    depth--;
    return map;
  }

  private List<Object> array() {
    enter();
    List<Object> list = new ArrayList<>();
    if (!closes(']')) {
      do {
        list.add(value());
      } while (continues(']'));
    }
    depth--;
    return list;
  }

  private void enter() {
    at++;
    if (++depth > Json.MAX_DEPTH) {
      throw error("more than " + Json.MAX_DEPTH + " levels");
    }
  }

  private boolean closes(char bracket) {
    skipSpace();
    if (peek("'" + bracket + "'") != bracket) {
      return false;
    }
    at++;
    return true;
  }

  /** After an element: true at a comma, false at the bracket. */
  private boolean continues(char bracket) {
    if (closes(bracket)) {
      return false;
    }
    if (text.charAt(at) != ',') {
      throw error("expected ',' or '" + bracket + "'");
    }
    at++;
    return true;
  }

  private void expect(char c) {
    skipSpace();
    if (peek("'" + c + "'") != c) {
      throw error("expected '" + c + "'");
    }
    at++;
  }

  private Object literal(String word, Object value) {
    if (!text.startsWith(word, at)) {
      throw error("expected a value");
    }
    at += word.length();
    return value;
  }

  private Object number() {
    int start = at;
    if (at < text.length() && text.charAt(at) == '-') {
      at++;
    }
    int whole = digits();
    if (whole == 0) {
      at = start;
      throw error("expected a value");
    }
    if (whole > 1 && text.charAt(at - whole) == '0') {
      at = start;
      throw error("a number begins with 0");
    }
    boolean integer = !fraction() & !exponent();
    String number = text.substring(start, at);
    if (integer) { // an if, because ?: would turn the Long into a Double
      return whole(number, start);
    }
    return real(number, start);
  }

  private boolean fraction() {
    if (at == text.length() || text.charAt(at) != '.') {
      return false;
    }
    at++;
    if (digits() == 0) {
      throw error("expected a digit");
    }
    return true;
  }

  private boolean exponent() {
    if (at == text.length() || (text.charAt(at) | 0x20) != 'e') {
      return false;
    }
    at++;
    if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
      at++;
    }
    if (digits() == 0) {
      throw error("expected a digit");
    }
    return true;
  }

  private int digits() {
    int start = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    return at - start;
  }

  private Long whole(String number, int start) {
    try {
      return Long.valueOf(number);
    } catch (NumberFormatException e) {
      at = start;
      throw error("a whole number beyond 64 bits");
    }
  }

  private Double real(String number, int start) {
    double value = Double.parseDouble(number);
    if (Double.isInfinite(value)) {
      at = start;
      throw error("a number beyond the doubles");
    }
    return value;
  }

  private String string() {
    int start = ++at;
    StringBuilder escaped = null;
    while (true) {
      char c = peek("the end of a string");
      if (c == '"') {
        String rest = text.substring(start, at++);
        return escaped == null ? rest : paired(escaped.append(rest).toString());
      }
      if (c < ' ') {
        throw error("a control character in a string");
      }
      if (c == '\\') {
        escaped = (escaped == null ? new StringBuilder() : escaped).append(text, start, at++);
        escaped.append(escape());
        start = at;
      } else {
        at++;
      }
    }
  }

  private char escape() {
    char c = peek("an escape");
    at++;
    switch (c) {
      case '"', '\\', '/':
        return c;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        return unicode();
      default:
        at--;
        throw error("an escape that JSON does not have");
    }
  }

  private char unicode() {
    int value = 0;
    for (int i = 0; i < 4; i++) {
      char c = peek("four hexadecimal digits");
      int digit = c < 0x80 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        throw error("expected four hexadecimal digits");
      }
      value = value * 16 + digit;
      at++;
    }
    return (char) value;
  }

  /** Escapes can spell half a surrogate pair; the text of a file cannot. */
  private String paired(String string) {
    for (int i = 0; i < string.length(); i++) {
      int c = string.codePointAt(i);
      if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
        throw error("a lone surrogate in the string before");
      }
      i += Character.charCount(c) - 1;
    }
    return string;
  }

  private char peek(String expected) {
    if (at >= text.length()) {
      throw error("expected " + expected + ", found the end");
    }
    return text.charAt(at);
  }

  private void skipSpace() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private ModelFormatException error(String what) {
    int line = 1;
    int lineStart = 0;
    for (int i = 0; i < at && i < text.length(); i++) {
      if (text.charAt(i) == '\n') {
        line++;
        lineStart = i + 1;
      }
    }
    return new ModelFormatException(
        source + ": line " + line + ", column " + (at - lineStart + 1) + ": " + what);
  }
}
