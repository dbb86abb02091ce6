package maque.training;

import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import maque.runtime.InvalidInputException;

/** The bytes of a file of word vectors, unpacked, with the place reached for messages. */
final class VectorSource implements Closeable {
  /** Lines longer than this are no vectors. */
  private static final int MAX_LINE = 1 << 24;

  private static final int BUFFER = 1 << 16;

  private final Path file;
  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER];
  private int at;
  private int end;
  private long base;
  private byte[] line = new byte[1 << 12];
  private int lineLength;
  private long lineNumber;

  private VectorSource(Path file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  static VectorSource open(Path file) {
    if (Files.isDirectory(file)) {
      throw new InvalidInputException(file + " is a directory, a file was expected");
    }
    try {
      InputStream in = Files.newInputStream(file);
      try {
        return new VectorSource(file, unpacked(in));
      } catch (IOException e) {
        in.close();
        throw e;
      }
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(file + ": no such file", e);
    } catch (IOException e) {
      throw new InvalidInputException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static InputStream unpacked(InputStream in) throws IOException {
    byte[] magic = in.readNBytes(2);
    InputStream whole = new SequenceInputStream(new ByteArrayInputStream(magic), in);
    boolean gzip = magic.length == 2 && magic[0] == 0x1F && magic[1] == (byte) 0x8B;
    return gzip ? new GZIPInputStream(whole, BUFFER) : whole;
  }

  /** Reads the next line; false at the end of the file. */
  boolean nextLine() {
    lineLength = 0;
    if (at == end && !fill()) {
      return false;
    }
    lineNumber++;
    while (at < end || fill()) {
      int stop = at;
      while (stop < end && buffer[stop] != '\n') {
        stop++;
      }
      append(stop);
      if (stop < end) {
        at = stop + 1;
        break;
      }
      at = end;
    }
    if (lineLength > 0 && line[lineLength - 1] == '\r') {
      lineLength--;
    }
    return true;
  }

  private void append(int stop) {
    int more = stop - at;
    if (lineLength + more > MAX_LINE) {
      throw atLine("a line of more than " + MAX_LINE + " bytes");
    }
    if (lineLength + more > line.length) {
      line = Arrays.copyOf(line, Math.max(lineLength + more, 2 * line.length));
    }
    System.arraycopy(buffer, at, line, lineLength, more);
    lineLength += more;
  }

  /** The bytes of the line; the first {@link #lineLength()} count. */
  byte[] line() {
    return line;
  }

  int lineLength() {
    return lineLength;
  }

  /** The next bytes without going on, up to {@code count} (a buffer at most). */
  byte[] peek(int count) {
    while (end - at < count && more()) {
      // until enough is there or the file ends
    }
    return Arrays.copyOfRange(buffer, at, Math.min(at + count, end));
  }

  /** The next byte, or -1 at the end. */
  int next() {
    return at < end || fill() ? buffer[at++] & 0xFF : -1;
  }

  /** Fills the array; false if the file ends before. */
  boolean next(byte[] to) {
    int count = 0;
    while (count < to.length) {
      if (at == end && !fill()) {
        return false;
      }
      int part = Math.min(end - at, to.length - count);
      System.arraycopy(buffer, at, to, count, part);
      at += part;
      count += part;
    }
    return true;
  }

  /** Decodes a word; {@code null} if it is not UTF-8. */
  static String utf8(byte[] bytes, int length) {
    try {
      ByteBuffer word = ByteBuffer.wrap(bytes, 0, length);
      return StandardCharsets.UTF_8.newDecoder().decode(word).toString();
    } catch (CharacterCodingException e) {
      return null;
    }
  }

  InvalidInputException atLine(String what) {
    return new InvalidInputException(file + ":" + lineNumber + ": " + what);
  }

  InvalidInputException atByte(String what) {
    return new InvalidInputException(file + ": at byte " + (base + at) + ": " + what);
  }

  InvalidInputException atEnd(String what) {
    return new InvalidInputException(file + ": " + what);
  }

  private boolean fill() {
    base += end;
    at = 0;
    end = 0;
    return more();
  }

  /** Reads behind what is there, which moves to the front first if it must. */
  private boolean more() {
    if (at > 0) {
      System.arraycopy(buffer, at, buffer, 0, end - at);
      base += at;
      end -= at;
      at = 0;
    }
    try {
      int count = end == buffer.length ? -1 : in.read(buffer, end, buffer.length - end);
      end += Math.max(count, 0);
      return count > 0;
    } catch (IOException e) {
      throw new InvalidInputException(
          file + ": cannot be read after byte " + (base + end) + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw new InvalidInputException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }
}
