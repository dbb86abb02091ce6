package maque.cli.serve;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import maque.runtime.Prediction;
import maque.runtime.TextClassifier;

/** A model under the name by which requests ask for it, and what it has done. Thread-safe. */
public final class Served {
  private final String name;
  private final String source;
  private final TextClassifier model;
  final Histogram latency = new Histogram();
  final LongAdder deferred = new LongAdder();
  final LongAdder truncated = new LongAdder();

  /**
   * Wraps a model; who made it closes it, after the service.
   *
   * @param name such as {@code student}
   * @param path where it was read; its last part is shown to clients
   */
  public Served(String name, Path path, TextClassifier model) {
    this.name = name;
    this.source = path.toAbsolutePath().normalize().getFileName().toString();
    this.model = model;
  }

  String name() {
    return name;
  }

  String source() {
    return source;
  }

  TextClassifier model() {
    return model;
  }

  /** A prediction and the microseconds that it took, tokenizing included. */
  record Answer(Prediction prediction, double micros) {}

  Answer predict(String text) {
    long start = System.nanoTime();
    Prediction prediction = model.predict(text);
    long nanos = System.nanoTime() - start;
    latency.add(nanos);
    if (prediction.truncated()) {
      truncated.increment();
    }
    return new Answer(prediction, nanos / (double) TimeUnit.MICROSECONDS.toNanos(1));
  }
}
