package maque.runtime;

/**
 * A file or directory cannot be written (the disk is full, a size limit, a missing permission); the
 * message names it and the cause. What was there before is still there.
 */
public final class StorageException extends MaqueException {
  private static final long serialVersionUID = 1L;

  public StorageException(String message) {
    super(message);
  }

  public StorageException(String message, Throwable cause) {
    super(message, cause);
  }
}
