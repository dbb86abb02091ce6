package maque.training;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import maque.runtime.MaqueException;
import maque.runtime.TextClassifier;

/** Threads that ask one model for the logits of many texts. For one caller. */
final class LogitPool implements AutoCloseable {
  private static final int CHUNK = 32;
  private static final int DEVICE_CHUNK = 1024;
  private static final int DEVICE_THREADS = 2; // one reads and encodes while the other waits

  private final Function<List<String>, float[][]> model;
  private final int threads;
  private final int chunk;
  private final ExecutorService pool;

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

  /** How many texts a call should bring so that every thread has work. */
  int texts() {
    return chunk * threads;
  }

  /**
   * Logits of each text, in the texts' order, whichever thread ends first.
   *
   * @throws CancelledException where the caller's thread was interrupted
   */
  List<float[]> logits(List<String> texts) {
    List<Future<float[][]>> results = new ArrayList<>();
    for (int from = 0; from < texts.size(); from += chunk) {
      List<String> part = texts.subList(from, Math.min(texts.size(), from + chunk));
      results.add(pool.submit(() -> model.apply(part)));
    }
    List<float[]> logits = new ArrayList<>(texts.size());
    results.forEach(result -> logits.addAll(List.of(get(result))));
    return logits;
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
