package maque.runtime;

/**
 * What every exception of this library extends, except use after close ({@link
 * IllegalStateException}).
 */
public class MaqueException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public MaqueException(String message) {
    super(message);
  }

  public MaqueException(String message, Throwable cause) {
    super(message, cause);
  }
}
