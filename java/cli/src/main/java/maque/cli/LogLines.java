package maque.cli;

import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** Shows the library's warnings as lines of the console. */
final class LogLines extends Handler {
  /** Held, because the log manager holds loggers weakly. */
  private static final Logger LIBRARY = Logger.getLogger("maque");

  private final Console console;
  private final SimpleFormatter formatter = new SimpleFormatter();

  private LogLines(Console console) {
    this.console = console;
  }

  /**
   * From here on what the library logs goes to {@code console}: warnings, or with {@code verbose}
   * all that it says.
   */
  static void to(Console console, boolean verbose) {
    for (Handler handler : LIBRARY.getHandlers()) {
      LIBRARY.removeHandler(handler);
    }
    LIBRARY.setUseParentHandlers(false);
    LIBRARY.setLevel(verbose ? Level.INFO : Level.WARNING);
    LIBRARY.addHandler(new LogLines(console));
  }

  @Override
  public void publish(LogRecord record) {
    if (isLoggable(record)) {
      console.line(
          record.getLevel().getName().toLowerCase(java.util.Locale.ROOT)
              + ": "
              + formatter.formatMessage(record));
    }
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
