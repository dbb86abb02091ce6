package maque.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads whole small files, with errors that name them. */
final class ModelFiles {
  private ModelFiles() {}

  /**
   * All bytes of a regular file.
   *
   * @throws ModelFormatException where there is no such file, it is no regular file, cannot be
   *     read, or has more than limit bytes
   */
  static byte[] bytes(Path file, int limit) {
    checkRegular(file);
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(limit);
      if (in.read() >= 0) {
        throw new ModelFormatException(file + ": more than " + limit + " bytes");
      }
      return bytes;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  static void checkRegular(Path file) {
    if (Files.isRegularFile(file)) {
      return;
    }
    if (Files.isDirectory(file)) {
      throw new ModelFormatException(file + ": expected a file, found a directory");
    }
    throw new ModelFormatException(
        file + ": expected a file, found " + (Files.exists(file) ? "something else" : "none"));
  }

  static ModelFormatException unreadable(Path file, IOException e) {
    String what = String.valueOf(e.getMessage());
    if (e instanceof NoSuchFileException) {
      what = "no such file";
    } else if (e instanceof ClosedByInterruptException) {
      what = "the thread was interrupted";
    }
    return new ModelFormatException(file + ": cannot be read: " + what, e);
  }
}
