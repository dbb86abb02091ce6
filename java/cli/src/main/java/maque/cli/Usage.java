package maque.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import maque.runtime.InvalidInputException;

/** Checks of options that picocli cannot make. */
final class Usage {
  private Usage() {}

  /** A command line that is wrong, whatever the files hold; the command ends with exit code 2. */
  static final class WrongUsageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    WrongUsageException(String message) {
      super(message);
    }
  }

  static void require(boolean condition, String message) {
    if (!condition) {
      throw error(message);
    }
  }

  /**
   * Checks that nothing stands where something is to be made, before anything long begins.
   *
   * @throws InvalidInputException where something does
   */
  static void requireAbsent(Path out) {
    if (Files.exists(out)) {
      throw new InvalidInputException(out + " exists already");
    }
  }

  static WrongUsageException error(String message) {
    return new WrongUsageException(message);
  }

  /** What {@code options} makes; a value that the library refuses there is wrong usage. */
  static <T> T checked(Supplier<T> options) {
    try {
      return options.get();
    } catch (InvalidInputException e) {
      throw error(e.getMessage());
    }
  }
}
