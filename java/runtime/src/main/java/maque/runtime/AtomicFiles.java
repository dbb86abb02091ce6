package maque.runtime;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Files that are there whole or not at all: written under a temporary name beside the target,
 * synced, renamed over it, and the directory synced. When anything fails (a full disk, a size
 * limit), the old file is as it was and the temporary one is gone.
 */
public final class AtomicFiles {
  private static final AtomicLong COUNTER = new AtomicLong();
  private static final Pattern LEFTOVER = Pattern.compile("(.*\\.tmp-)([0-9]{1,18})-[0-9]+");

  private AtomicFiles() {}

  /** Writes a file's content. */
  @FunctionalInterface
  public interface Content {
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Writes these bytes.
   *
   * @throws StorageException naming the file and the cause
   */
  public static void write(Path file, byte[] bytes) {
    write(file, channel -> writeAll(channel, bytes));
  }

  static void writeAll(FileChannel channel, byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  /**
   * Writes what content puts into the channel.
   *
   * @throws StorageException naming the file and the cause
   */
  public static void write(Path file, Content content) {
    Path temporary = temporary(file);
    try {
      try (FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.writeTo(channel);
        channel.force(true);
      }
      rename(temporary, file);
      syncDirectory(parent(file));
    } catch (IOException e) {
      throw failure(file, e);
    } finally {
      deleteQuietly(temporary);
    }
  }

  /**
   * A name beside the file that no other writer uses; hidden, so that a listing shows finished
   * files.
   */
  static Path temporary(Path file) {
    String name = prefix(file) + ProcessHandle.current().pid();
    return file.resolveSibling(name + "-" + COUNTER.incrementAndGet());
  }

  private static String prefix(Path file) {
    return "." + file.getFileName() + ".tmp-";
  }

  /**
   * Deletes the temporary files that killed writers of this file left beside it. Those of other
   * processes that are alive stay; nothing in this one may be writing the file.
   *
   * @throws StorageException where one cannot be deleted
   */
  public static void deleteLeftovers(Path file) {
    Path directory = parent(file);
    if (!Files.isDirectory(directory)) {
      return;
    }
    String prefix = prefix(file);
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        Matcher name = LEFTOVER.matcher(entry.getFileName().toString());
        if (name.matches() && name.group(1).equals(prefix) && !aliveElsewhere(name.group(2))) {
          Files.deleteIfExists(entry);
        }
      }
    } catch (IOException e) {
      throw new StorageException(directory + ": cannot be cleared: " + e.getMessage(), e);
    }
  }

  private static boolean aliveElsewhere(String digits) {
    long pid = Long.parseLong(digits);
    return pid != ProcessHandle.current().pid() && ProcessHandle.of(pid).isPresent();
  }

  /** Renames, atomically where a file of that name exists. */
  static void rename(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException e) {
      throw new IOException("renaming is not atomic on this file system", e);
    }
  }

  /** Makes the names in a directory durable. */
  public static void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  static Path parent(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file.toAbsolutePath() : parent;
  }

  static StorageException failure(Path file, IOException e) {
    String what = e.getMessage();
    if (e instanceof FileSystemException system) {
      String reason = system.getReason();
      what = reason == null ? e.getClass().getSimpleName() : reason;
    }
    return new StorageException(file + ": cannot be written: " + what, e);
  }

  static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // The error that matters is the one that is already under way; a leftover is hidden and
      // harmless.
      System.getLogger("maque").log(System.Logger.Level.DEBUG, "not deleted: " + file, e);
    }
  }
}
