package maque.training;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * SHA-256 over fields, each preceded by its length, so that no two sequences collide by joining.
 */
final class Sha256 {
  private final MessageDigest digest;
  private final ByteBuffer length = ByteBuffer.allocate(8);

  Sha256() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Adds a text's UTF-16 units, so that a lone surrogate differs from what would replace it. */
  Sha256 add(String text) {
    ByteBuffer bytes = ByteBuffer.allocate(2 * text.length());
    bytes.asCharBuffer().put(text);
    return add(bytes);
  }

  Sha256 add(long number) {
    digest.update(length.clear().putLong(number).flip());
    return this;
  }

  /** Adds what remains in a buffer, whose position is left as it was. */
  Sha256 add(ByteBuffer bytes) {
    add((long) bytes.remaining());
    digest.update(bytes.duplicate());
    return this;
  }

  byte[] bytes() {
    return digest.digest();
  }

  String hex() {
    return HexFormat.of().formatHex(bytes());
  }
}
