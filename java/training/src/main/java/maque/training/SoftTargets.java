package maque.training;

import java.util.LinkedHashSet;
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
      return new Run(store, texts, control, pool).call();
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
      return new Run(store, texts, control, pool).call();
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

  private record Run(LogitStore store, Texts texts, RunControl control, LogitPool pool) {
    long call() {
      long scored = 0;
      int position = 0;
      while (position < texts.size()) {
        if (control.token().isCancelled()) {
          store.flush();
          throw new CancelledException(
              "stopped after " + position + " of " + texts.size() + " texts; run again to go on");
        }
        Set<String> missing = new LinkedHashSet<>();
        while (position < texts.size() && missing.size() < pool.texts()) {
          String text = texts.get(position++);
          if (!store.contains(text)) {
            missing.add(text);
          }
        }
        score(List.copyOf(missing));
        scored += missing.size();
        control.progress(STAGE, position, texts.size(), "");
      }
      store.flush();
      return scored;
    }

    /** The order in the store is that of the texts. */
    private void score(List<String> missing) {
      List<float[]> logits = pool.logits(missing);
      for (int i = 0; i < logits.size(); i++) {
        store.append(missing.get(i), logits.get(i));
      }
    }
  }
}
