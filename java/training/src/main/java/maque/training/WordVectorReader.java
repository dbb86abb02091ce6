package maque.training;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Streams one file of word vectors; see {@link WordVectors}. */
final class WordVectorReader {
  private static final int MAX_DIMENSIONS = 1 << 16;
  private static final int MAX_WORD = 1 << 16;

  /** So many bytes after the header show whether numbers or floats follow the first word. */
  private static final int SAMPLE = 1 << 12;

  private final VectorSource source;
  private final Set<String> wanted;
  private final int mostFrequent;
  private final Set<String> seen = new HashSet<>();
  private final List<String> words = new ArrayList<>();
  private final List<float[]> vectors = new ArrayList<>();
  private int wantedLeft;

  /** Vectors that the header promises; -1 without a header. */
  private long announced = -1;

  private int dimensions;

  private WordVectorReader(VectorSource source, Set<String> wanted, int mostFrequent) {
    this.source = source;
    this.wanted = wanted;
    this.mostFrequent = mostFrequent;
    wantedLeft = wanted.size();
  }

  static WordVectors read(Path file, Set<String> wanted, int mostFrequent) {
    try (VectorSource source = VectorSource.open(file)) {
      WordVectorReader reader = new WordVectorReader(source, wanted, mostFrequent);
      reader.read();
      return new WordVectors(reader.words, reader.vectors, reader.dimensions);
    }
  }

  private void read() {
    if (!source.nextLine()) {
      throw source.atEnd("the file is empty");
    }
    if (!header()) {
      // GloVe: the first line is a vector already.
      dimensions = fieldsOf(source.line(), source.lineLength()) - 1;
      if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
        throw source.atLine("expected a word and its numbers, or two numbers");
      }
      textEntry();
      text(1);
    } else if (isBinary(source.peek(SAMPLE))) {
      binary();
    } else {
      text(0);
    }
  }

  /** Reads "count dimensions", if the line is that. */
  private boolean header() {
    String line =
        new String(
            source.line(), 0, Math.min(source.lineLength(), 64), StandardCharsets.ISO_8859_1);
    String[] fields = line.strip().split("[ \t]+");
    if (source.lineLength() > 64
        || fields.length != 2
        || !(isCount(fields[0]) && isCount(fields[1]))) {
      return false;
    }
    announced = Long.parseLong(fields[0]);
    long width = Long.parseLong(fields[1]);
    if (announced < 1 || width < 1 || width > MAX_DIMENSIONS) {
      throw source.atLine(
          "expected 1 vector or more of 1 to " + MAX_DIMENSIONS + " dimensions, found " + line);
    }
    dimensions = (int) width;
    return true;
  }

  private static boolean isCount(String field) {
    return field.length() < 19
        && !field.isEmpty()
        && field.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  /** Whether anything but text follows the first word, or a line that ends too early. */
  private boolean isBinary(byte[] sample) {
    int at = 0;
    while (at < sample.length && sample[at] == '\n') {
      at++;
    }
    while (at < sample.length && sample[at] != ' ' && sample[at] != '\t') {
      at++;
    }
    int start = at;
    int stop = Math.min(sample.length, at + 1 + Float.BYTES * dimensions);
    while (at < stop && sample[at] != '\n') {
      if (sample[at] < ' ' && sample[at] != '\t' && sample[at] != '\r') {
        return true;
      }
      at++;
    }
    byte[] numbers = Arrays.copyOfRange(sample, start, at);
    return at < stop && fieldsOf(numbers, numbers.length) < dimensions;
  }

  private void text(long already) {
    long count = already;
    while (!satisfied() && source.nextLine()) {
      if (announced >= 0 && count == announced) {
        if (isBlank()) {
          continue;
        }
        throw source.atLine("more vectors than the " + announced + " of the first line");
      }
      textEntry();
      count++;
    }
    if (announced >= 0 && count < announced && !satisfied()) {
      throw source.atEnd("cut off after " + count + " of " + announced + " vectors");
    }
  }

  private boolean isBlank() {
    return fieldsOf(source.line(), source.lineLength()) == 0;
  }

  /**
   * A word and its numbers. Some of GloVe's words hold spaces: there the word is what stands before
   * the last numbers.
   */
  private void textEntry() {
    byte[] line = source.line();
    int end = source.lineLength();
    while (end > 0 && isSpace(line[end - 1])) {
      end--;
    }
    int numbers = end;
    for (int i = 0; i < dimensions; i++) {
      int start = numbers;
      while (start > 0 && !isSpace(line[start - 1])) {
        start--;
      }
      if (start == numbers || start == 0) {
        throw source.atLine("expected a word and " + dimensions + " numbers, found fewer");
      }
      numbers = start;
      while (i < dimensions - 1 && numbers > 0 && isSpace(line[numbers - 1])) {
        numbers--;
      }
    }
    int wordEnd = numbers;
    while (wordEnd > 0 && isSpace(line[wordEnd - 1])) {
      wordEnd--;
    }
    if (wordEnd == 0) {
      throw source.atLine("expected a word before " + dimensions + " numbers, found none");
    }
    if (announced >= 0 && fieldsOf(line, wordEnd) > 1) {
      throw source.atLine("expected a word and " + dimensions + " numbers, found more");
    }
    String word = VectorSource.utf8(line, wordEnd);
    if (word == null) {
      throw source.atLine("the word is not UTF-8");
    }
    if (isKept(word)) {
      keep(word, parse(line, numbers, end));
    }
  }

  private float[] parse(byte[] line, int from, int end) {
    float[] vector = new float[dimensions];
    int at = from;
    for (int i = 0; i < dimensions; i++) {
      while (isSpace(line[at])) {
        at++;
      }
      int start = at;
      boolean digits = true;
      while (at < end && !isSpace(line[at])) {
        digits &= isNumberByte(line[at++]);
      }
      String number = new String(line, start, at - start, StandardCharsets.ISO_8859_1);
      vector[i] = digits ? parse(number) : Float.NaN;
      if (!Float.isFinite(vector[i])) {
        throw source.atLine("expected a finite number, found " + number);
      }
    }
    return vector;
  }

  private static float parse(String number) {
    try {
      return Float.parseFloat(number);
    } catch (NumberFormatException e) {
      return Float.NaN;
    }
  }

  private void binary() {
    byte[] word = new byte[MAX_WORD];
    byte[] bytes = new byte[dimensions * Float.BYTES];
    long count = 0;
    for (; count < announced && !satisfied(); count++) {
      int length = binaryWord(word, count);
      String decoded = VectorSource.utf8(word, length);
      if (decoded == null || decoded.isEmpty()) {
        throw source.atByte("expected a word in UTF-8 and a space, found other bytes");
      }
      if (!source.next(bytes)) {
        throw source.atByte("cut off in vector " + (count + 1) + " of " + announced);
      }
      if (isKept(decoded)) {
        keep(decoded, floats(bytes, decoded));
      }
    }
    if (count == announced && !satisfied()) {
      int next = source.next();
      while (next == '\n') {
        next = source.next();
      }
      if (next >= 0) {
        throw source.atByte("more bytes than " + announced + " vectors");
      }
    }
  }

  /** Reads up to the space, leaving out the line break that may end the vector before. */
  private int binaryWord(byte[] word, long count) {
    int length = 0;
    while (true) {
      int next = source.next();
      if (next < 0) {
        throw source.atByte("cut off after " + count + " of " + announced + " vectors");
      }
      if (next == ' ') {
        return length;
      }
      if (next == '\n' && length == 0) {
        continue;
      }
      if (length == word.length) {
        throw source.atByte("expected a word and a space, found " + MAX_WORD + " bytes without");
      }
      word[length++] = (byte) next;
    }
  }

  private float[] floats(byte[] bytes, String word) {
    float[] vector = new float[dimensions];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vector);
    for (float value : vector) {
      if (!Float.isFinite(value)) {
        throw source.atByte("expected finite numbers for " + word + ", found " + value);
      }
    }
    return vector;
  }

  private boolean isKept(String word) {
    boolean frequent = seen.size() < mostFrequent;
    return (frequent || wanted.contains(word)) && !seen.contains(word);
  }

  private void keep(String word, float[] vector) {
    seen.add(word);
    words.add(word);
    vectors.add(vector);
    if (wanted.contains(word)) {
      wantedLeft--;
    }
  }

  /** Whether no word that may follow can be kept. */
  private boolean satisfied() {
    return wantedLeft == 0 && words.size() >= mostFrequent;
  }

  private static int fieldsOf(byte[] line, int length) {
    int fields = 0;
    for (int i = 0; i < length; i++) {
      if (!isSpace(line[i]) && (i == 0 || isSpace(line[i - 1]))) {
        fields++;
      }
    }
    return fields;
  }

  private static boolean isSpace(byte b) {
    return b == ' ' || b == '\t';
  }

  private static boolean isNumberByte(byte b) {
    return (b >= '0' && b <= '9') || b == '.' || b == '-' || b == '+' || b == 'e' || b == 'E';
  }
}
