package maque.training;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import maque.runtime.InvalidInputException;
import maque.runtime.TextClassifier;

/** Scores texts with a teacher into a {@link LogitStore}. */
public final class SoftTargets {
  /** The name of this stage in progress reports. */
  public static final String STAGE = "soft-targets";

  private SoftTargets() {}

  /**
   * Scores the texts that the store lacks, any number of them, in as many threads as {@code
   * control} says. What was scored is kept when this is cancelled or killed; the next call goes on
   * from there.
   *
   * @return number of texts scored now
   * @throws CancelledException where the token was set
   */
  public static long write(
      LogitStore store, TextClassifier teacher, Texts texts, RunControl control) {
    requireSame(store, teacher.labels());
    try (LogitPool pool = new LogitPool(teacher, control.threads())) {
      return new Run(store, texts, control, pool).run();
    }
  }

  /**
   * The same with a teacher on a device. A store does not tell which device a text was scored on:
   * their logits agree within the bounds of the operations.
   */
  public static long write(
      LogitStore store, DeviceTeacher teacher, Texts texts, RunControl control) {
    requireSame(store, teacher.labels());
    try (LogitPool pool = new LogitPool(teacher)) {
      return new Run(store, texts, control, pool).run();
    }
  }

  private static void requireSame(LogitStore store, List<String> labels) {
    if (!labels.equals(store.key().labels())) {
      throw new InvalidInputException(
          "the store is for classes " + store.key().labels() + ", not " + labels);
    }
  }

  /**
   * Copies the logits of texts that the store lacks from another source, such as the mean of
   * several teachers: the store was opened with a key for it.
   *
   * @return number of texts copied now
   * @throws InvalidInputException where the source has not all of them, or other classes
   */
  public static long copy(LogitStore store, LogitSource from, Texts texts) {
    List<String> labels = store.key().labels();
    LogitSource source = LogitEnsemble.withLabels(from, labels);
    long before = store.size();
    float[] logits = new float[labels.size()];
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i);
      if (!store.contains(text)) {
        if (!source.read(text, logits, 0)) {
          throw new InvalidInputException("no teacher may answer for text " + (i + 1));
        }
        store.append(text, logits);
      }
    }
    store.flush();
    return store.size() - before;
  }

  /** The order in the store is that of the texts. */
  private static final class Run {
    private final LogitStore store;
    private final Texts texts;
    private final RunControl control;
    private final LogitPool pool;
    private final Set<String> waiting = new HashSet<>(); // asked for, not yet in the store
    private int read; // texts that were looked at

    Run(LogitStore store, Texts texts, RunControl control, LogitPool pool) {
      this.store = store;
      this.texts = texts;
      this.control = control;
      this.pool = pool;
    }

    long run() {
      long scored = 0;
      while (read < texts.size() || !pool.isEmpty()) {
        if (control.token().isCancelled()) {
          store.flush();
          throw new CancelledException(
              "stopped after "
                  + (read - waiting.size())
                  + " of "
                  + texts.size()
                  + " texts; run again to go on");
        }
        fill();
        scored += keep();
        control.progress(STAGE, read - waiting.size(), texts.size(), "");
      }
      store.flush();
      return scored;
    }

    /** Gives the threads as much as they take of what the store lacks. */
    private void fill() {
      while (read < texts.size() && !pool.isFull()) {
        List<String> missing = new ArrayList<>();
        while (read < texts.size() && missing.size() < pool.chunk()) {
          String text = texts.get(read++);
          if (!store.contains(text) && waiting.add(text)) {
            missing.add(text);
          }
        }
        if (!missing.isEmpty()) {
          pool.ask(missing);
        }
      }
    }

    /** Keeps the next answer, where one is due; returns its number of texts. */
    private int keep() {
      if (pool.isEmpty()) {
        return 0;
      }
      LogitPool.Answer answer = pool.next();
      List<String> scored = answer.texts();
      for (int i = 0; i < scored.size(); i++) {
        store.append(scored.get(i), answer.logits()[i]);
      }
      scored.forEach(waiting::remove);
      return scored.size();
    }
  }
}
