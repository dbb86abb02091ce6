package maque.training;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import maque.runtime.MaqueException;
import maque.runtime.TextClassifier;

/**
 * Threads that ask one model for the logits of many texts. For one caller, who keeps it full: while
 * it does something with one chunk's answer the threads have the next ones.
 */
final class LogitPool implements AutoCloseable {
  private static final int CHUNK = 32;
  private static final int DEVICE_CHUNK = 1024;
  private static final int DEVICE_THREADS = 2; // one reads and encodes while the other waits

  private static final int CHUNKS_PER_THREAD = 2; // one in work, one that waits for its turn

  private final Function<List<String>, float[][]> model;
  private final int threads;
  private final int chunk;
  private final ExecutorService pool;
  private final Deque<Asked> asked = new ArrayDeque<>();

  private record Asked(List<String> texts, Future<float[][]> logits) {}

  /**
   * A chunk and what the model said.
   *
   * @param logits of each text
   */
  record Answer(List<String> texts, float[][] logits) {}

  LogitPool(TextClassifier model, int threads) {
    this(model::logits, threads, CHUNK);
  }

  LogitPool(DeviceTeacher model) {
    this(model::logits, DEVICE_THREADS, DEVICE_CHUNK);
  }

  private LogitPool(Function<List<String>, float[][]> model, int threads, int chunk) {
    this.model = model;
    this.threads = threads;
    this.chunk = chunk;
    pool = Executors.newFixedThreadPool(threads, LogitPool::thread);
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "maque-logits");
    thread.setDaemon(true);
    return thread;
  }

  /** Most texts of one call of {@link #ask}. */
  int chunk() {
    return chunk;
  }

  /** Whether every thread has work, and more waits: then {@link #next} is due. */
  boolean isFull() {
    return asked.size() >= CHUNKS_PER_THREAD * threads;
  }

  /** Whether no answer is due. */
  boolean isEmpty() {
    return asked.isEmpty();
  }

  /** Has a chunk scored; does not wait. */
  void ask(List<String> texts) {
    asked.add(new Asked(texts, pool.submit(() -> model.apply(texts))));
  }

  /**
   * Waits for the oldest chunk's answer, whichever thread ends first.
   *
   * @throws CancelledException where the caller's thread was interrupted
   */
  Answer next() {
    Asked oldest = asked.remove();
    return new Answer(oldest.texts(), get(oldest.logits()));
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

  /** Asks the threads to end; closing the model while one still computes is safe. */
  @Override
  public void close() {
    pool.shutdownNow();
  }
}
