package maque.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What a 64-bit ELF library needs and gives, read from its headers. */
final class Elf {
  private static final int STRTAB = 3;
  private static final int DYNAMIC = 6;
  private static final int DYNSYM = 11;
  private static final int NEEDED = 1;
  private static final int GNU_STACK = 0x6474E551;
  private static final int EXECUTABLE = 1;
  private static final int WEAK = 2;

  private final ByteBuffer file;
  private final List<String> needed = new ArrayList<>();
  private final List<String> exported = new ArrayList<>();
  private final List<String> undefined = new ArrayList<>();
  private final List<String> versions = new ArrayList<>();

  Elf(byte[] content) {
    file = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    long sections = file.getLong(0x28);
    int size = file.getShort(0x3A);
    for (int i = 0; i < file.getShort(0x3C); i++) {
      int header = (int) sections + i * size;
      int linked = (int) sections + file.getInt(header + 0x28) * size;
      int strings = (int) file.getLong(linked + 0x18);
      int begin = (int) file.getLong(header + 0x18);
      int end = begin + (int) file.getLong(header + 0x20);
      switch (file.getInt(header + 4)) {
        case DYNAMIC -> readDynamic(begin, end, strings);
        case DYNSYM -> readSymbols(begin, end, strings);
        case STRTAB -> readVersions(begin, end);
        default -> {}
      }
    }
  }

  private String string(int at) {
    int end = at;
    while (file.get(end) != 0) {
      end++;
    }
    return new String(file.array(), at, end - at, StandardCharsets.US_ASCII);
  }

  private void readDynamic(int begin, int end, int strings) {
    for (int at = begin; at < end; at += 16) {
      if (file.getLong(at) == NEEDED) {
        needed.add(string(strings + (int) file.getLong(at + 8)));
      }
    }
  }

  private void readSymbols(int begin, int end, int strings) {
    for (int at = begin; at < end; at += 24) {
      String name = string(strings + file.getInt(at));
      if (name.isEmpty()) {
        continue;
      }
      if (file.getShort(at + 6) != 0) {
        exported.add(name);
      } else if (file.get(at + 4) >> 4 != WEAK) {
        undefined.add(name);
      }
    }
  }

  private void readVersions(int begin, int end) {
    for (int at = begin; at < end; at += string(at).length() + 1) {
      if (string(at).startsWith("GLIBC_")) {
        versions.add(string(at));
      }
    }
  }

  /** The number of the processor's architecture. */
  int machine() {
    return file.getShort(18);
  }

  /** Whether the library asks for a stack that code can be run from, or does not say. */
  boolean executableStack() {
    int segments = (int) file.getLong(32);
    for (int i = 0; i < file.getShort(56); i++) {
      int header = segments + i * file.getShort(54);
      if (file.getInt(header) == GNU_STACK) {
        return (file.getInt(header + 4) & EXECUTABLE) != 0;
      }
    }
    return true;
  }

  /** Libraries that the loader must find. */
  List<String> needed() {
    return needed;
  }

  /** Symbols that others can bind to. */
  List<String> exported() {
    return exported;
  }

  /**
   * Symbols that must be found elsewhere; those that may be missing (weak ones) are not among them.
   */
  List<String> undefined() {
    return undefined;
  }

  /** Versions of glibc's symbols, e.g. {@code GLIBC_2.14}. */
  List<String> versions() {
    return versions;
  }
}
