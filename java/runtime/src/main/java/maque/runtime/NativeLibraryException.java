package maque.runtime;

/**
 * The native library cannot be found, written, loaded or used; the message names its path and the
 * cause.
 */
public final class NativeLibraryException extends MaqueException {
  private static final long serialVersionUID = 1L;

  public NativeLibraryException(String message) {
    super(message);
  }

  public NativeLibraryException(String message, Throwable cause) {
    super(message, cause);
  }
}
