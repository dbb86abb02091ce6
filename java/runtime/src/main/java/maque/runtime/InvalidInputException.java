package maque.runtime;

/**
 * Input that has no answer: ids out of range, sizes that do not fit, values that are not finite.
 */
public final class InvalidInputException extends MaqueException {
  private static final long serialVersionUID = 1L;

  public InvalidInputException(String message) {
    super(message);
  }

  public InvalidInputException(String message, Throwable cause) {
    super(message, cause);
  }
}
