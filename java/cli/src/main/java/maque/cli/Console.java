package maque.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What the user sees: results on standard output, progress on standard error; a bar with the time
 * left on a terminal, a plain line now and then elsewhere. Thread-safe: an interrupt's hook writes
 * too, while the work still shows its progress.
 */
final class Console {
  private static final Duration BETWEEN_LINES =
      Duration.ofSeconds(Integer.getInteger("maque.progress.seconds", 15));

  private final PrintStream out;
  private final PrintStream err;
  private final boolean terminal;

  private ProgressBar bar;
  private String task = "";
  private long started;
  private long lastLine;

  Console(PrintStream out, PrintStream err, boolean terminal) {
    this.out = out;
    this.err = err;
    this.terminal = terminal;
  }

  /**
   * The process's streams as UTF-8; the launcher says by {@code maque.terminal} whether a person
   * watches.
   */
  static Console standard() {
    return new Console(
        new PrintStream(System.out, true, StandardCharsets.UTF_8),
        new PrintStream(System.err, true, StandardCharsets.UTF_8),
        Boolean.getBoolean("maque.terminal"));
  }

  /** Standard output, for picocli's help. */
  PrintWriter outWriter() {
    return new PrintWriter(out, true);
  }

  /** Standard error. */
  PrintWriter errWriter() {
    return new PrintWriter(err, true);
  }

  /** A line of the result. */
  synchronized void result(String line) {
    finish();
    out.println(line);
  }

  /** A line about what is going on. */
  synchronized void line(String line) {
    finish();
    err.println(line);
  }

  /**
   * Progress of {@code name}: {@code done} of {@code total} units, with a few words such as the
   * loss.
   */
  synchronized void progress(String name, long done, long total, String detail) {
    if (!name.equals(task)) {
      finish();
      begin(name, total);
    }
    if (bar != null) {
      bar.maxHint(total);
      bar.stepTo(done);
      bar.setExtraMessage(detail);
    } else {
      plain(done, total, detail);
    }
  }

  /** Ends the bar, if one is shown. */
  synchronized void finish() {
    task = "";
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }

  private void begin(String name, long total) {
    task = name;
    started = System.nanoTime();
    lastLine = started;
    if (terminal) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(name)
              .setInitialMax(total)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(250)
              .continuousUpdate()
              .build();
    }
  }

  private void plain(long done, long total, String detail) {
    long now = System.nanoTime();
    if (now - lastLine < BETWEEN_LINES.toNanos() || done <= 0) {
      return;
    }
    lastLine = now;
    double left = (now - started) / 1e9 * (total - done) / done;
    err.printf(
        "  %s: %,d of %,d, about %s left%s%n",
        task, done, total, Durations.ofSeconds(left), detail.isEmpty() ? "" : "; " + detail);
  }
}
