package maque.training;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import maque.runtime.InvalidInputException;

/**
 * Lines of a UTF-8 file by number, read when they are asked for. The whole file is checked once,
 * when the index is made; it must not change after that. Thread-safe.
 */
public final class LineIndex implements Texts, AutoCloseable {
  private final Path file;
  private final FileChannel channel;
  private final long[] offsets;
  private final int[] lengths;

  private LineIndex(Path file, FileChannel channel, long[] offsets, int[] lengths) {
    this.file = file;
    this.channel = channel;
    this.offsets = offsets;
    this.lengths = lengths;
  }

  /**
   * Checks and indexes a file.
   *
   * @throws InvalidInputException where it cannot be read, or is not UTF-8 (with the byte offset)
   */
  public static LineIndex of(Path file) {
    Builder builder = new Builder();
    DataReaders.lines(file, builder::add);
    try {
      FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
      return new LineIndex(
          file,
          channel,
          Arrays.copyOf(builder.offsets, builder.size),
          Arrays.copyOf(builder.lengths, builder.size));
    } catch (IOException e) {
      throw DataReaders.unreadable(file, e);
    }
  }

  @Override
  public int size() {
    return offsets.length;
  }

  @Override
  public String get(int index) {
    ByteBuffer bytes = ByteBuffer.allocate(lengths[index]);
    try {
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, offsets[index] + bytes.position()) < 0) {
          throw new EOFException("the file became shorter while it was read");
        }
      }
    } catch (IOException e) {
      throw DataReaders.unreadable(file, e);
    }
    return new String(bytes.array(), StandardCharsets.UTF_8);
  }

  /** In bytes. */
  @Override
  public int length(int index) {
    return lengths[index];
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw DataReaders.unreadable(file, e);
    }
  }

  private static final class Builder {
    private long[] offsets = new long[1024];
    private int[] lengths = new int[1024];
    private int size;

    void add(String line, long number, long offset) {
      if (line.isBlank()) {
        return;
      }
      if (size == offsets.length) {
        int larger = (int) Math.min(Integer.MAX_VALUE - 8L, size * 2L);
        offsets = Arrays.copyOf(offsets, larger);
        lengths = Arrays.copyOf(lengths, larger);
      }
      offsets[size] = offset;
      lengths[size++] = line.getBytes(StandardCharsets.UTF_8).length;
    }
  }
}
