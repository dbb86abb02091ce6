package maque.runtime;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The last bytes of a library as it was built: a hash of all before them. A copy that lost or
 * changed bytes on its way is told by it; a library without (stripped later, or built elsewhere)
 * ends where its ELF structures end.
 */
final class LibrarySeal {
  private static final byte[] MARK = "maque-sha256:".getBytes(StandardCharsets.US_ASCII);
  private static final int BYTES = MARK.length + 64;

  private LibrarySeal() {}

  /**
   * What is wrong with a library; empty where nothing is.
   *
   * @param library all of its bytes
   * @param end where its ELF structures end
   */
  static String problem(byte[] library, long end) {
    int body = library.length - BYTES;
    if (body < 0 || !marked(library, body)) {
      return library.length == end ? "" : "it is truncated or altered: its seal is damaged";
    }
    String expected = new String(library, body + MARK.length, 64, StandardCharsets.ISO_8859_1);
    return expected.equals(hash(library, body))
        ? ""
        : "it is altered: its bytes are not its seal's";
  }

  private static boolean marked(byte[] library, int at) {
    for (int i = 0; i < MARK.length; i++) {
      if (library[at + i] != MARK[i]) {
        return false;
      }
    }
    return true;
  }

  private static String hash(byte[] library, int length) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(library, 0, length);
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new NativeLibraryException("this Java has no SHA-256", e);
    }
  }
}
