package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Closes a model while four threads predict with it: each gets right answers, then the exception.
 */
final class ClosingRace {
  private ClosingRace() {}

  static void run(
      int rounds, Supplier<? extends TextClassifier> load, String text, String whenClosed)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      for (int round = 0; round < rounds; round++) {
        TextClassifier model = load.get();
        float[] expected = model.logits(text);
        AtomicInteger answers = new AtomicInteger();
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
          running.add(
              threads.submit(() -> predictUntilClosed(model, text, expected, answers, whenClosed)));
        }
        while (answers.get() < 100) {
          Thread.onSpinWait();
        }
        model.close();
        for (Future<?> future : running) {
          future.get();
        }
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static void predictUntilClosed(
      TextClassifier model,
      String text,
      float[] expected,
      AtomicInteger answers,
      String whenClosed) {
    try {
      while (true) {
        assertArrayEquals(expected, model.logits(text));
        answers.incrementAndGet();
      }
    } catch (IllegalStateException e) {
      assertEquals(whenClosed, e.getMessage());
    }
  }
}
