package maque.training;

/** Cancels a run at a step and remembers the first step that it reported. */
final class StopAt {
  private final CancellationToken token = new CancellationToken();
  private final long step;
  private final int threads;
  private long first;

  StopAt(long step, int threads) {
    this.step = step;
    this.threads = threads;
  }

  RunControl control() {
    return new RunControl(this::hear, token, threads);
  }

  private void hear(ProgressListener.Progress progress) {
    first = first == 0 ? progress.done() : first;
    if (progress.done() >= step) {
      token.cancel();
    }
  }

  /** The first step that was reported; 0 for none. */
  long first() {
    return first;
  }
}
