package maque.training;

/**
 * A flag that asks a running stage to stop at its next batch, having written what it needs to
 * resume. Thread-safe; a signal handler may set it.
 */
public final class CancellationToken {
  private volatile boolean cancelled;

  public void cancel() {
    cancelled = true;
  }

  public boolean isCancelled() {
    return cancelled;
  }
}
