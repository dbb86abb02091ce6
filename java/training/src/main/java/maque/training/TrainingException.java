package maque.training;

import maque.runtime.MaqueException;

/** Training cannot go on: a loss that is not finite, no memory, or a call out of order. */
public final class TrainingException extends MaqueException {
  private static final long serialVersionUID = 1L;

  /** With a message that says what could not be done. */
  public TrainingException(String message) {
    super(message);
  }

  /** With a message and its cause. */
  public TrainingException(String message, Throwable cause) {
    super(message, cause);
  }
}
