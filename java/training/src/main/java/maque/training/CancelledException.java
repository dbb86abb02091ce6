package maque.training;

import maque.runtime.MaqueException;

/** A stage stopped because its {@link CancellationToken} was set; the message says how to go on. */
public final class CancelledException extends MaqueException {
  private static final long serialVersionUID = 1L;

  public CancelledException(String message) {
    super(message);
  }
}
