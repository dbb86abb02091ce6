package maque.runtime;

/**
 * The codes of the native interface, turned into exceptions in one place. Meant for Maque's own
 * modules.
 */
public final class NativeStatus {
  public static final int OK = 0;
  public static final int INVALID_ARGUMENT = 1;
  public static final int BAD_HANDLE = 2;
  public static final int OUT_OF_MEMORY = 3;
  public static final int BAD_MODEL = 4;
  public static final int NOT_FINITE = 5;
  public static final int UNSUPPORTED = 6;
  public static final int BAD_STATE = 7;

  private NativeStatus() {}

  /**
   * The exception for a code other than {@link #OK}: {@link InvalidInputException} for arguments
   * and values that are not finite, {@link ModelFormatException} for a model that does not fit
   * together, {@link IllegalStateException} for closed objects and calls out of order, {@link
   * MaqueException} otherwise.
   */
  public static RuntimeException exception(int code, String message) {
    return switch (code) {
      case INVALID_ARGUMENT, NOT_FINITE -> new InvalidInputException(message);
      case BAD_HANDLE, BAD_STATE -> new IllegalStateException(message);
      case OUT_OF_MEMORY -> new MaqueException("out of native memory: " + message);
      case BAD_MODEL -> new ModelFormatException(message);
      case UNSUPPORTED -> new MaqueException("not supported: " + message);
      default -> new MaqueException("native code " + code + ": " + message);
    };
  }
}
