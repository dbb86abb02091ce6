package maque.runtime;

/**
 * A model's file is missing, damaged or inconsistent; the message names the file, what was expected
 * and what was found.
 */
public final class ModelFormatException extends MaqueException {
  private static final long serialVersionUID = 1L;

  public ModelFormatException(String message) {
    super(message);
  }

  public ModelFormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
