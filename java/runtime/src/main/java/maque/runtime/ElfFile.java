package maque.runtime;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * What a shared library's header says. The C library's loader trusts it, and a file that ends early
 * would end the process by a signal; so it is looked at first.
 */
final class ElfFile {
  private static final int MAGIC = 0x464C457F;
  private static final int HEADER = 64;
  private static final int SEGMENT = 56;
  private static final int LOAD = 1;
  private static final Map<Integer, String> MACHINES =
      Map.of(
          3,
          "x86",
          8,
          "mips",
          21,
          "ppc64",
          22,
          "s390x",
          40,
          "arm",
          62,
          "x86_64",
          183,
          "arm64",
          243,
          "riscv",
          258,
          "loongarch");

  private ElfFile() {}

  /**
   * What is wrong with a file as a library of this platform; empty where nothing is.
   *
   * @param sealed whether its bytes are to be held against its seal, too
   * @throws IOException where it cannot be read
   */
  static String problem(Path file, boolean sealed) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      ByteBuffer header = read(channel, 0, HEADER);
      if (header.limit() < HEADER || header.getInt(0) != MAGIC || header.get(4) != 2) {
        return "it is no 64-bit ELF file";
      }
      int code = header.getShort(18);
      String machine = MACHINES.getOrDefault(code, "ELF machine " + code);
      String expected = NativeLibrary.machine();
      if (MACHINES.containsValue(expected) && !machine.equals(expected)) {
        return "it is for another processor: " + machine + ", this one is " + expected;
      }
      long end = end(channel, header);
      if (end > size) {
        return "it is truncated: " + size + " bytes of " + end;
      }
      return sealed ? LibrarySeal.problem(Files.readAllBytes(file), end) : "";
    }
  }

  /** Where the last segment or the table of sections ends. */
  private static long end(FileChannel channel, ByteBuffer header) throws IOException {
    long sections = header.getLong(40);
    long end = sections + (header.getShort(58) & 0xFFFF) * (header.getShort(60) & 0xFFFF);
    int segments = header.getShort(56) & 0xFFFF;
    ByteBuffer table = read(channel, header.getLong(32), segments * SEGMENT);
    if (table.limit() < segments * SEGMENT) {
      return Math.max(end, header.getLong(32) + segments * SEGMENT);
    }
    for (int i = 0; i < segments; i++) {
      if (table.getInt(i * SEGMENT) == LOAD) {
        end = Math.max(end, table.getLong(i * SEGMENT + 8) + table.getLong(i * SEGMENT + 32));
      }
    }
    return end;
  }

  private static ByteBuffer read(FileChannel channel, long at, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (at >= 0 && buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        break;
      }
    }
    return buffer.flip();
  }
}
