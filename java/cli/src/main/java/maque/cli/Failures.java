package maque.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import maque.runtime.MaqueException;

/** Turns whatever was thrown into one line for the user. */
final class Failures {
  private Failures() {}

  /** One line that says what is wrong and, where a file plays a part, in which. */
  static String message(Throwable e) {
    if (e instanceof UncheckedIOException && e.getCause() != null) {
      return message(e.getCause());
    }
    if (e instanceof FileSystemException file) {
      return oneLine(fileMessage(file));
    }
    if (e instanceof MalformedInputException) {
      return "the input is not valid UTF-8";
    }
    boolean expected =
        e instanceof MaqueException
            || e instanceof IOException
            || e instanceof IllegalArgumentException;
    if (expected && e.getMessage() != null) {
      return oneLine(e.getMessage());
    }
    return oneLine("unexpected " + e + " (--stacktrace shows where)");
  }

  private static String fileMessage(FileSystemException e) {
    String reason = e.getReason();
    if (e instanceof NoSuchFileException) {
      reason = "no such file or directory";
    } else if (e instanceof AccessDeniedException) {
      reason = "permission denied";
    } else if (e instanceof NotDirectoryException) {
      reason = "not a directory";
    } else if (e instanceof FileAlreadyExistsException) {
      reason = "exists already";
    } else if (reason == null) {
      reason = e.getClass().getSimpleName();
    }
    return e.getFile() == null ? reason : e.getFile() + ": " + reason;
  }

  /** The text with its line breaks replaced by spaces. */
  static String oneLine(String text) {
    return text == null ? "" : text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
