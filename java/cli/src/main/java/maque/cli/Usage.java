package maque.cli;

import maque.runtime.InvalidInputException;

/** Checks of options that picocli cannot make. */
final class Usage {
  private Usage() {}

  static void require(boolean condition, String message) {
    if (!condition) {
      throw error(message);
    }
  }

  static InvalidInputException error(String message) {
    return new InvalidInputException(message);
  }
}
