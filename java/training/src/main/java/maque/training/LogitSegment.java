package maque.training;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import maque.runtime.Json;
import maque.runtime.MaqueException;

/**
 * One append-only file of a {@link LogitStore}. Little-endian: eight bytes {@code MAQUELOG}, int32
 * length of the header, the header (JSON: teacher, tokenizer, max_tokens, labels), int32 CRC32C of
 * all before it; then records of equal size: 16 bytes of key, one float32 a class, int32 CRC32C of
 * both.
 */
final class LogitSegment implements AutoCloseable {
  private static final byte[] MAGIC = "MAQUELOG".getBytes(StandardCharsets.US_ASCII);
  private static final int KEY_BYTES = 16;
  private static final int MAX_HEADER = 1 << 24;
  private static final int SCAN_RECORDS = 4096;

  private final Path file;
  private final FileChannel channel;
  private final TeacherKey key;
  private final long start;
  private final int recordBytes;

  private LogitSegment(Path file, FileChannel channel, TeacherKey key, long start) {
    this.file = file;
    this.channel = channel;
    this.key = key;
    this.start = start;
    recordBytes = recordBytes(key.labels().size());
  }

  private static int recordBytes(int classes) {
    return KEY_BYTES + 4 * classes + 4;
  }

  /** Takes the records of a scan. */
  interface RecordConsumer {
    void accept(long high, long low, long record);
  }

  /** What a scan found. */
  record Scan(long records, long damaged, long tornBytes) {}

  /** The bytes with which a segment begins. */
  static byte[] header(TeacherKey key) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("teacher", key.teacher());
    map.put("tokenizer", key.tokenizer());
    map.put("max_tokens", key.maxTokens());
    map.put("labels", key.labels());
    byte[] json = Json.write(map);
    ByteBuffer out = buffer(MAGIC.length + 4 + json.length + 4);
    out.put(MAGIC).putInt(json.length).put(json);
    out.putInt(crc(out.array(), 0, out.position()));
    return out.array();
  }

  /** Opens a segment; null where its header is damaged. */
  static LogitSegment open(Path file, boolean writable) throws IOException {
    FileChannel channel =
        writable
            ? FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)
            : FileChannel.open(file, StandardOpenOption.READ);
    LogitSegment segment = null;
    try {
      segment = readHeader(file, channel);
      return segment;
    } finally {
      if (segment == null) {
        channel.close();
      }
    }
  }

  private static LogitSegment readHeader(Path file, FileChannel channel) throws IOException {
    ByteBuffer fixed = buffer(MAGIC.length + 4);
    if (!readFully(channel, fixed, 0)) {
      return null;
    }
    byte[] magic = new byte[MAGIC.length];
    int length = fixed.get(magic).getInt();
    if (!Arrays.equals(magic, MAGIC) || length < 2 || length > MAX_HEADER) {
      return null;
    }
    ByteBuffer all = buffer(fixed.capacity() + length + 4);
    if (!readFully(channel, all, 0)) {
      return null;
    }
    int end = all.capacity() - 4;
    if (all.getInt(end) != crc(all.array(), 0, end)) {
      return null;
    }
    byte[] json = Arrays.copyOfRange(all.array(), fixed.capacity(), fixed.capacity() + length);
    return new LogitSegment(file, channel, key(json, file), all.capacity());
  }

  private static TeacherKey key(byte[] json, Path file) {
    Map<String, Object> map = Json.parseObject(json, file + " (header)");
    List<String> labels = ((List<?>) map.get("labels")).stream().map(String::valueOf).toList();
    return new TeacherKey(
        String.valueOf(map.get("teacher")),
        String.valueOf(map.get("tokenizer")),
        ((Number) map.get("max_tokens")).intValue(),
        labels);
  }

  Path file() {
    return file;
  }

  TeacherKey key() {
    return key;
  }

  /** Reads every record, handing over those whose checksum is right. */
  Scan scan(RecordConsumer consumer) throws IOException {
    long bytes = channel.size() - start;
    long records = bytes / recordBytes;
    long damaged = 0;
    ByteBuffer chunk = buffer(SCAN_RECORDS * recordBytes);
    for (long first = 0; first < records; first += SCAN_RECORDS) {
      int n = (int) Math.min(SCAN_RECORDS, records - first);
      chunk.clear().limit(n * recordBytes);
      if (!readFully(channel, chunk, start + first * recordBytes)) {
        throw new IOException("the file became shorter while it was read");
      }
      for (int i = 0; i < n; i++) {
        if (valid(chunk, i * recordBytes)) {
          long high = chunk.getLong(i * recordBytes);
          consumer.accept(high, chunk.getLong(i * recordBytes + 8), first + i);
        } else {
          damaged++;
        }
      }
    }
    return new Scan(records, damaged, bytes % recordBytes);
  }

  private boolean valid(ByteBuffer chunk, int at) {
    int body = recordBytes - 4;
    return chunk.getInt(at + body) == crc(chunk.array(), at, body);
  }

  /** Drops a record that was only partly written, so that the next one begins where it should. */
  void dropTornTail() throws IOException {
    long bytes = channel.size() - start;
    channel.truncate(start + bytes / recordBytes * recordBytes);
  }

  long records() throws IOException {
    return (channel.size() - start) / recordBytes;
  }

  void read(long record, float[] out, int offset) throws IOException {
    ByteBuffer bytes = buffer(recordBytes);
    if (!readFully(channel, bytes, start + record * recordBytes) || !valid(bytes, 0)) {
      throw new MaqueException(file + ": record " + record + " was damaged while it was open");
    }
    for (int c = 0; c < key.labels().size(); c++) {
      out[offset + c] = bytes.getFloat(KEY_BYTES + 4 * c);
    }
  }

  /** Puts one record into a buffer. */
  void encode(ByteBuffer out, long high, long low, float[] logits, int offset) {
    int at = out.position();
    out.putLong(high).putLong(low);
    for (int c = 0; c < key.labels().size(); c++) {
      out.putFloat(logits[offset + c]);
    }
    out.putInt(crc(out.array(), at, recordBytes - 4));
  }

  ByteBuffer recordBuffer(int records) {
    return buffer(Math.multiplyExact(records, recordBytes));
  }

  /** Appends whole records; a failure leaves no part of one. */
  void append(ByteBuffer records) throws IOException {
    long end = channel.size();
    try {
      long at = end;
      while (records.hasRemaining()) {
        at += channel.write(records, at);
      }
    } catch (IOException e) {
      channel.truncate(end);
      throw e;
    }
  }

  void force() throws IOException {
    channel.force(false);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static int crc(byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  /** Fills the buffer from a position and rewinds it; false where the file ends before. */
  private static boolean readFully(FileChannel channel, ByteBuffer out, long position)
      throws IOException {
    int from = out.position();
    while (out.hasRemaining()) {
      if (channel.read(out, position + out.position() - from) < 0) {
        return false;
      }
    }
    out.position(from);
    return true;
  }
}
