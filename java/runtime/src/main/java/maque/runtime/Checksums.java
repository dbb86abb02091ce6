package maque.runtime;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** CRC32C as eight hexadecimal digits. */
final class Checksums {
  private Checksums() {}

  static String of(byte[] bytes) {
    return of(ByteBuffer.wrap(bytes));
  }

  static String of(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return text(crc);
  }

  static String text(CRC32C crc) {
    return String.format("%08x", crc.getValue());
  }
}
