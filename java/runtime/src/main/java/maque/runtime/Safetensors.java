package maque.runtime;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * The safetensors format: eight bytes that count the header's bytes (little-endian), a JSON header
 * that gives each tensor's dtype, shape and place, and the tensors' bytes end to end.
 *
 * <p>The reader takes nothing on trust: the header is bounded, every size must agree with every
 * other, and the tensors must cover the data without a hole or an overlap. The writer pads the
 * header so that the data begin at a multiple of eight.
 */
public final class Safetensors {
  /** Bytes that a header may have: the limit of the format's own library. */
  public static final int MAX_HEADER = 100_000_000;

  private static final String METADATA = "__metadata__";

  /** Of a stream. */
  private static final long UNKNOWN_SIZE = Long.MAX_VALUE;

  private Safetensors() {}

  /**
   * The content of a file.
   *
   * @param tensors by name, in the order of their bytes
   * @param metadata the header's free-form strings
   */
  public record Tensors(Map<String, Tensor> tensors, Map<String, String> metadata) {
    /**
     * The tensor of that name.
     *
     * @throws ModelFormatException where there is none
     */
    public Tensor get(String name) {
      Tensor tensor = tensors.get(name);
      if (tensor == null) {
        throw new ModelFormatException("no tensor " + name);
      }
      return tensor;
    }
  }

  private record Entry(String name, String dtype, long[] shape, long begin, long end) {}

  /** Bytes in order, from a file or a stream. */
  private interface Input {
    /**
     * The next bytes, in a direct buffer.
     *
     * @throws EOFException where there are fewer
     */
    ByteBuffer take(int bytes) throws IOException;
  }

  /**
   * Reads a file. Every tensor gets a direct buffer of its own.
   *
   * @throws ModelFormatException naming the file and what is wrong
   */
  public static Tensors read(Path file) {
    return read(file, new CRC32C());
  }

  /** As {@link #read(Path)}, and runs every byte of the file through the checksum. */
  static Tensors read(Path file, CRC32C checksum) {
    ModelFiles.checkRegular(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return read(bytes -> take(channel, bytes, checksum), channel.size(), file.toString());
    } catch (IOException e) {
      throw ModelFiles.unreadable(file, e);
    }
  }

  /**
   * Reads a stream that ends where the last tensor does; the caller closes it. Takes memory in
   * proportion to what the stream gives, whatever its header says.
   *
   * @param name what errors call it
   * @throws ModelFormatException naming the stream and what is wrong
   */
  public static Tensors read(InputStream in, String name) {
    try {
      Tensors tensors = read(bytes -> take(in, bytes), UNKNOWN_SIZE, name);
      if (in.read() >= 0) {
        throw new ModelFormatException(name + ": goes on after its last tensor");
      }
      return tensors;
    } catch (IOException e) {
      throw new ModelFormatException(name + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static Tensors read(Input input, long size, String source) throws IOException {
    long headerBytes = input.take(8).getLong();
    if (headerBytes < 2 || headerBytes > MAX_HEADER || headerBytes > size - 8) {
      throw new ModelFormatException(
          source
              + ": header of "
              + Long.toUnsignedString(headerBytes)
              + " bytes"
              + (size == UNKNOWN_SIZE ? "" : " in a file of " + size));
    }
    ByteBuffer header = input.take((int) headerBytes);
    byte[] json = new byte[header.remaining()];
    header.get(json);
    Map<String, Object> parsed = Json.parseObject(json, source + " (header)");
    Map<String, String> metadata = metadata(parsed.remove(METADATA), source);
    List<Entry> entries = entries(parsed, source);
    long needed = entries.isEmpty() ? 0 : entries.get(entries.size() - 1).end;
    if (size != UNKNOWN_SIZE && needed != size - 8 - headerBytes) {
      throw new ModelFormatException(
          source
              + ": the tensors need "
              + needed
              + " bytes of data, the file has "
              + (size - 8 - headerBytes));
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Entry entry : entries) {
      ByteBuffer data = input.take((int) (entry.end - entry.begin));
      tensors.put(entry.name, new Tensor(entry.name, entry.dtype, entry.shape, data));
    }
    return new Tensors(Collections.unmodifiableMap(tensors), metadata);
  }

  private static ByteBuffer take(FileChannel channel, int bytes, CRC32C checksum)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new EOFException("it ends after " + channel.position() + " bytes");
      }
    }
    checksum.update(buffer.flip());
    return buffer.flip();
  }

  private static ByteBuffer take(InputStream in, int bytes) throws IOException {
    // Reads in parts: what a header claims is believed only as the bytes come.
    byte[] found = in.readNBytes(bytes);
    if (found.length < bytes) {
      throw new EOFException("it ends where " + (bytes - found.length) + " more bytes are needed");
    }
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN).put(found).flip();
  }

  private static Map<String, String> metadata(Object value, String source) {
    Map<String, String> metadata = new LinkedHashMap<>();
    if (value == null) {
      return metadata;
    }
    if (!(value instanceof Map<?, ?> map)) {
      throw new ModelFormatException(source + ": " + METADATA + " must be an object of strings");
    }
    for (Map.Entry<String, Object> entry : Json.strings(map).entrySet()) {
      if (!(entry.getValue() instanceof String text)) {
        throw new ModelFormatException(source + ": " + METADATA + " must be an object of strings");
      }
      metadata.put(entry.getKey(), text);
    }
    return Collections.unmodifiableMap(metadata);
  }

  /** The header's entries in the order of their bytes, which they cover from 0 without a hole. */
  private static List<Entry> entries(Map<String, Object> header, String source) {
    List<Entry> entries = new ArrayList<>();
    for (Map.Entry<String, Object> item : header.entrySet()) {
      entries.add(entry(item.getKey(), item.getValue(), source));
    }
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long at = 0;
    for (Entry entry : entries) {
      if (entry.begin != at) {
        throw new ModelFormatException(
            source
                + ": tensor "
                + entry.name
                + " begins at byte "
                + entry.begin
                + ", expected "
                + at);
      }
      at = entry.end;
    }
    return entries;
  }

  private static Entry entry(String name, Object value, String source) {
    if (!(value instanceof Map<?, ?> map)
        || map.size() != 3
        || !(map.get("dtype") instanceof String dtype)
        || !(map.get("shape") instanceof List<?> shape)
        || !(map.get("data_offsets") instanceof List<?> offsets)
        || offsets.size() != 2) {
      throw new ModelFormatException(
          source + ": tensor " + name + ": expected dtype, shape and two data_offsets");
    }
    long begin = sizes(offsets, name, source)[0];
    long end = sizes(offsets, name, source)[1];
    try {
      long[] sizes = sizes(shape, name, source);
      long bytes = Tensor.bytes(dtype, sizes);
      if (bytes != end - begin) {
        throw new IllegalArgumentException(
            "the shape needs " + bytes + " bytes, data_offsets give " + (end - begin));
      }
      if (bytes > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(bytes + " bytes are more than one tensor may have");
      }
      return new Entry(name, dtype, sizes, begin, end);
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException(source + ": tensor " + name + ": " + e.getMessage(), e);
    }
  }

  private static long[] sizes(List<?> list, String name, String source) {
    long[] sizes = new long[list.size()];
    for (int i = 0; i < sizes.length; i++) {
      if (!(list.get(i) instanceof Long size) || size < 0) {
        throw new ModelFormatException(
            source + ": tensor " + name + ": " + list.get(i) + " is no size");
      }
      sizes[i] = size;
    }
    return sizes;
  }

  /**
   * Writes a file, whole or not at all; see {@link AtomicFiles}. The tensors keep the map's order;
   * each is named by its key.
   *
   * @throws StorageException where the file cannot be written
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    write(file, tensors, metadata, new CRC32C());
  }

  /** As {@link #write(Path, Map, Map)}, and runs every byte of the file through the checksum. */
  static void write(
      Path file, Map<String, Tensor> tensors, Map<String, String> metadata, CRC32C checksum) {
    AtomicFiles.write(
        file,
        channel -> {
          put(channel, header(tensors, metadata), checksum);
          for (Tensor tensor : tensors.values()) {
            put(channel, tensor.data(), checksum);
          }
        });
  }

  private static void put(FileChannel channel, ByteBuffer buffer, CRC32C checksum)
      throws IOException {
    checksum.update(buffer.duplicate());
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private static ByteBuffer header(Map<String, Tensor> tensors, Map<String, String> metadata) {
    Map<String, Object> header = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      header.put(METADATA, metadata);
    }
    long at = 0;
    for (Map.Entry<String, Tensor> item : tensors.entrySet()) {
      Tensor tensor = item.getValue();
      long end = at + tensor.data().remaining();
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("dtype", tensor.dtype());
      entry.put("shape", java.util.Arrays.stream(tensor.shape()).boxed().toList());
      entry.put("data_offsets", List.of(at, end));
      header.put(item.getKey(), entry);
      at = end;
    }
    byte[] json = Json.line(header).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    int padded = (json.length + 7) / 8 * 8;
    ByteBuffer buffer = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(padded).put(json);
    while (buffer.hasRemaining()) {
      buffer.put((byte) ' ');
    }
    return buffer.flip();
  }
}
