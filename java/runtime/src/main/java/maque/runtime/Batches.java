package maque.runtime;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

/**
 * Cuts many texts into batches of similar length and a bounded number of ids. The cut depends on
 * the texts alone, so that any number of threads computes the same batches.
 */
final class Batches {
  /** Computes a row for each text of one batch. */
  @FunctionalInterface
  interface Scorer {
    float[][] score(List<Encoded> texts);
  }

  private final Encoded[] texts;
  private final List<int[]> batches = new ArrayList<>();

  /**
   * Cuts.
   *
   * @param tokens most ids of one batch, or n-grams where a text has more of these; a longer text
   *     is a batch of its own
   */
  Batches(Encoded[] texts, int tokens) {
    this.texts = texts;
    int[] order =
        IntStream.range(0, texts.length)
            .boxed()
            .sorted(Comparator.comparingInt(i -> length(texts[i])))
            .mapToInt(Integer::intValue)
            .toArray();
    for (int begin = 0; begin < order.length; ) {
      int end = begin + 1;
      long sum = length(texts[order[begin]]);
      while (end < order.length
          && sum + length(texts[order[end]]) <= tokens
          && end - begin < tokens) {
        sum += length(texts[order[end++]]);
      }
      batches.add(java.util.Arrays.copyOfRange(order, begin, end));
      begin = end;
    }
  }

  private static int length(Encoded text) {
    return Math.max(text.ids().length, text.ngrams().length);
  }

  /**
   * All texts' rows, in the texts' order; on the caller's thread, and on threads - 1 more that end
   * with the call.
   */
  float[][] run(Scorer scorer, int threads) {
    if (threads < 1) {
      throw new InvalidInputException("threads: expected at least 1, found " + threads);
    }
    float[][] rows = new float[texts.length][];
    // From the longest batch to the shortest, so that the threads end at about the same time.
    AtomicInteger next = new AtomicInteger(batches.size());
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Runnable work =
        () -> {
          try {
            for (int i = next.decrementAndGet();
                i >= 0 && failure.get() == null;
                i = next.decrementAndGet()) {
              score(batches.get(i), scorer, rows);
            }
          } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
          }
        };
    List<Thread> helpers = new ArrayList<>();
    for (int i = 1; i < Math.min(threads, batches.size()); i++) {
      Thread helper = new Thread(work, "maque-batch-" + i);
      helper.setDaemon(true);
      helper.start();
      helpers.add(helper);
    }
    work.run();
    join(helpers);
    rethrow(failure.get());
    return rows;
  }

  private void score(int[] batch, Scorer scorer, float[][] rows) {
    List<Encoded> picked = new ArrayList<>(batch.length);
    for (int i : batch) {
      picked.add(texts[i]);
    }
    float[][] scored = scorer.score(picked);
    for (int i = 0; i < batch.length; i++) {
      rows[batch[i]] = scored[i];
    }
  }

  /** An interrupt does not leave helpers behind; it is seen again when they have ended. */
  private static void join(List<Thread> helpers) {
    boolean interrupted = false;
    for (Thread helper : helpers) {
      while (helper.isAlive()) {
        try {
          helper.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void rethrow(Throwable failure) {
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
    if (failure instanceof Error error) {
      throw error;
    }
  }
}
