package maque.training;

import maque.runtime.MaqueException;

/** Training cannot go on: a loss that is not finite, no memory, or a call out of order. */
public final class TrainingException extends MaqueException {
  private static final long serialVersionUID = 1L;

  public TrainingException(String message) {
    super(message);
  }

  public TrainingException(String message, Throwable cause) {
    super(message, cause);
  }
}
