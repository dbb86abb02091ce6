package maque.cli;

import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import maque.training.CancellationToken;
import maque.training.CancelledException;
import maque.training.ProgressListener.Progress;
import maque.training.RunControl;

/**
 * Work that shows its progress and that Ctrl-C (SIGINT) or SIGTERM stops in good order: the signal
 * starts Java's shutdown, whose hook asks the work to stop and waits until it has written what it
 * needs to go on from there.
 */
final class Work {
  /** Exit code of a command that was stopped: 128 + SIGINT, as shells have it. */
  static final int INTERRUPTED = 130;

  private static final long PATIENCE_SECONDS = 120;
  private static final long CHECKPOINT_SECONDS = 300;
  private static final int CHECKPOINT_BATCHES = Integer.getInteger("maque.checkpoint.batches", 0);

  private final Console console;
  private final CancellationToken token = new CancellationToken();
  private final CountDownLatch ended = new CountDownLatch(1);

  private Work(Console console) {
    this.console = console;
  }

  /** What is run: it is handed what surrounds a run, and returns an exit code. */
  @FunctionalInterface
  interface Body {
    int run(RunControl control) throws Exception;
  }

  /**
   * Runs {@code body}; returns its exit code, or {@link #INTERRUPTED} where it was stopped, having
   * said how to go on.
   *
   * @param resume the command that goes on from there
   */
  static int run(Console console, int threads, String resume, Body body) throws Exception {
    Work work = new Work(console);
    RunControl control =
        new RunControl(work::show, work.token, threads)
            .withCheckpoints(CHECKPOINT_BATCHES, CHECKPOINT_SECONDS);
    return work.guarded(() -> body.run(control), resume);
  }

  private int guarded(Callable<Integer> body, String resume) throws Exception {
    Thread hook = new Thread(this::stop, "maque-interrupt");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      return body.call();
    } catch (CancelledException e) {
      console.line("interrupted: " + Failures.oneLine(e.getMessage()));
      console.line("to go on: " + resume);
      return INTERRUPTED;
    } finally {
      ended.countDown();
      remove(hook);
    }
  }

  private void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      token.cancel(); // the shutdown has begun: the hook has run or is running
    }
  }

  private void stop() {
    token.cancel();
    try {
      if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        console.line("did not stop within " + PATIENCE_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void show(Progress progress) {
    console.progress(progress.stage(), progress.done(), progress.total(), detail(progress));
  }

  /** What the work says of itself, else the loss where there is one. */
  private static String detail(Progress progress) {
    Double loss = progress.metrics().get("loss");
    if (progress.message().isEmpty() && loss != null) {
      return String.format(Locale.ROOT, "loss %.3f", loss);
    }
    return progress.message();
  }
}
