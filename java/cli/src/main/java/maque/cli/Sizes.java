package maque.cli;

import java.util.Locale;

/** Sizes for people. */
final class Sizes {
  private Sizes() {}

  /** For example {@code 2.4 MB}; a megabyte is a million bytes. */
  static String of(long bytes) {
    if (bytes < 1_000_000) {
      return String.format(Locale.ROOT, "%.1f kB", bytes / 1e3);
    }
    return String.format(Locale.ROOT, bytes < 100_000_000 ? "%.1f MB" : "%.0f MB", bytes / 1e6);
  }
}
