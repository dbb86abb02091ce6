package maque.training;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import maque.runtime.TextClassifier;

/** Scores texts with a teacher into a {@link LogitStore}. */
public final class SoftTargets {
  /** The name of this stage in progress reports. */
  public static final String STAGE = "soft-targets";

  private static final int CHUNK = 32;

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
    if (!teacher.labels().equals(store.key().labels())) {
      throw new InvalidInputException(
          "the store is for classes " + store.key().labels() + ", not " + teacher.labels());
    }
    ExecutorService pool = Executors.newFixedThreadPool(control.threads(), SoftTargets::thread);
    try {
      return new Run(store, teacher, texts, control, pool).call();
    } finally {
      pool.shutdownNow();
    }
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "maque-soft-targets");
    thread.setDaemon(true);
    return thread;
  }

  private record Run(
      LogitStore store,
      TextClassifier teacher,
      Texts texts,
      RunControl control,
      ExecutorService pool) {
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
        while (position < texts.size() && missing.size() < CHUNK * control.threads()) {
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

    /** The order in the store is that of the texts, whichever thread ends first. */
    private void score(List<String> missing) {
      List<Future<float[][]>> results = new ArrayList<>();
      for (int from = 0; from < missing.size(); from += CHUNK) {
        List<String> part = missing.subList(from, Math.min(missing.size(), from + CHUNK));
        results.add(pool.submit(() -> teacher.logits(part)));
      }
      int text = 0;
      for (Future<float[][]> result : results) {
        for (float[] logits : get(result)) {
          store.append(missing.get(text++), logits);
        }
      }
    }

    private static float[][] get(Future<float[][]> result) {
      try {
        return result.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CancelledException("interrupted while scoring");
      } catch (ExecutionException e) {
        if (e.getCause() instanceof MaqueException cause) {
          throw cause;
        }
        throw new TrainingException("scoring failed: " + e.getCause(), e.getCause());
      }
    }
  }
}
