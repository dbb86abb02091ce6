package maque.training;

import java.util.Map;
import maque.runtime.InvalidInputException;

/**
 * What surrounds a run without touching its result.
 *
 * @param listener hears progress
 * @param token asks the run to stop
 * @param threads size of the native pool, at least 1
 * @param checkpointBatches batches between checkpoints; 0: by time only
 * @param checkpointSeconds seconds between checkpoints; 0: by batches only
 */
public record RunControl(
    ProgressListener listener,
    CancellationToken token,
    int threads,
    long checkpointBatches,
    long checkpointSeconds) {
  public RunControl {
    if (threads < 1 || threads > 1024) {
      throw new InvalidInputException("threads must be 1..1024, not " + threads);
    }
    if (checkpointBatches < 0 || checkpointSeconds < 0) {
      throw new InvalidInputException("checkpoint intervals must not be negative");
    }
  }

  /** With a checkpoint every five minutes. */
  public RunControl(ProgressListener listener, CancellationToken token, int threads) {
    this(listener, token, threads, 0, 300);
  }

  /** One thread, nobody listening, never cancelled. */
  public static RunControl quiet() {
    return new RunControl(ProgressListener.NONE, new CancellationToken(), 1);
  }

  public RunControl withThreads(int value) {
    return new RunControl(listener, token, value, checkpointBatches, checkpointSeconds);
  }

  public RunControl withCheckpoints(long batches, long seconds) {
    return new RunControl(listener, token, threads, batches, seconds);
  }

  void progress(String stage, long done, long total, String message) {
    progress(stage, done, total, message, Map.of());
  }

  void progress(String stage, long done, long total, String message, Map<String, Double> metrics) {
    listener.onProgress(new ProgressListener.Progress(stage, done, total, message, metrics));
  }
}
