package maque.cli;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import maque.runtime.InvalidInputException;

/** Lines of UTF-8, each as soon as it is there; what is not UTF-8 is refused by its line. */
final class LineReader implements AutoCloseable {
  private final String name;
  private final InputStream in;
  private long line;

  private LineReader(String name, InputStream in) {
    this.name = name;
    this.in = new BufferedInputStream(in);
  }

  /**
   * Of a file.
   *
   * @throws InvalidInputException where it is a directory
   */
  static LineReader of(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new InvalidInputException(file + ": expected a file, found a directory");
    }
    return new LineReader(file.toString(), Files.newInputStream(file));
  }

  /** Of standard input, which errors call {@code stdin}. */
  static LineReader ofStandardInput() {
    return new LineReader("stdin", System.in);
  }

  /**
   * The next line without its end, or null after the last. A byte order mark at the start is left
   * out.
   *
   * @throws InvalidInputException where the line is not UTF-8
   */
  String next() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int b = in.read();
    if (b < 0) {
      return null;
    }
    for (; b >= 0 && b != '\n'; b = in.read()) {
      bytes.write(b);
    }
    line++;
    String text = decode(bytes.toByteArray());
    if (line == 1 && text.startsWith("\uFEFF")) {
      text = text.substring(1);
    }
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  private String decode(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(name + ":" + line + ": invalid UTF-8");
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
