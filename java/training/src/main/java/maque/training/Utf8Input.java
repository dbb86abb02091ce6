package maque.training;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import maque.runtime.InvalidInputException;

/**
 * Passes a file's bytes on and refuses what is not UTF-8 (RFC 3629: no overlong form, surrogate or
 * value above U+10FFFF), naming file, line and byte offset. A byte order mark at the start is
 * dropped.
 */
final class Utf8Input extends InputStream {
  private final Path file;
  private final InputStream in;
  private final byte[] buffer = new byte[1 << 16];
  private int at;
  private int end;
  private long base;
  private long line = 1;
  private int pending;
  private int low = 0x80;
  private int high = 0xBF;
  private boolean started;

  Utf8Input(Path file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  @Override
  public int read() throws IOException {
    if (at == end && !fill()) {
      return -1;
    }
    return buffer[at++] & 0xFF;
  }

  @Override
  public int read(byte[] out, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (at == end && !fill()) {
      return -1;
    }
    int n = Math.min(length, end - at);
    System.arraycopy(buffer, at, out, offset, n);
    at += n;
    return n;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }

  /** Bytes of the file up to and including the one returned last, a byte order mark counted. */
  long position() {
    return base + at;
  }

  private boolean fill() throws IOException {
    base += end;
    at = 0;
    end = 0;
    if (!started) {
      started = true;
      end = in.readNBytes(buffer, 0, 3);
      if (end == 3 && buffer[0] == (byte) 0xEF && buffer[1] == (byte) 0xBB) {
        at = buffer[2] == (byte) 0xBF ? 3 : 0;
      }
    }
    int more = in.read(buffer, end, buffer.length - end);
    end += Math.max(0, more);
    check();
    if (at == end && pending > 0) {
      throw invalid(base + end, "the file ends inside a character");
    }
    return at < end || (more > 0 && fill());
  }

  private void check() {
    for (int i = 0; i < end; i++) {
      int b = buffer[i] & 0xFF;
      if (pending > 0) {
        if (b < low || b > high) {
          throw invalid(base + i, String.format("byte 0x%02X inside a character", b));
        }
        pending--;
        low = 0x80;
        high = 0xBF;
      } else if (b >= 0x80) {
        lead(b, base + i);
      } else if (b == '\n') {
        line++;
      }
    }
  }

  private void lead(int b, long offset) {
    if (b < 0xC2 || b > 0xF4) {
      throw invalid(offset, String.format("byte 0x%02X cannot begin a character", b));
    }
    pending = b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
    low = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    high = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
  }

  private InvalidInputException invalid(long offset, String what) {
    return new InvalidInputException(
        file + ":" + line + ": invalid UTF-8 at byte " + offset + ": " + what);
  }
}
