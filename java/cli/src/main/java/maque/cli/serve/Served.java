package maque.cli.serve;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import maque.runtime.Prediction;
import maque.runtime.Predictor;
import maque.runtime.SwappableStudent;
import maque.runtime.TextClassifier;

/** A model under the name by which requests ask for it, and what it has done. Thread-safe. */
public final class Served {
  private final String name;
  private final String source;
  private final Predictor predictor;
  private final Supplier<? extends TextClassifier> model;
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
    this(name, path, model, () -> model);
  }

  /** As above, of a student that is replaced now and then. */
  public Served(String name, Path path, SwappableStudent student) {
    this(name, path, student, student::current);
  }

  private Served(
      String name, Path path, Predictor predictor, Supplier<? extends TextClassifier> model) {
    this.name = name;
    this.source = path.toAbsolutePath().normalize().getFileName().toString();
    this.predictor = predictor;
    this.model = model;
  }

  String name() {
    return name;
  }

  String source() {
    return source;
  }

  List<String> labels() {
    return predictor.labels();
  }

  long parameters() {
    return model.get().parameters();
  }

  long nativeBytes() {
    TextClassifier now = model.get();
    try {
      return now.nativeBytes();
    } catch (IllegalStateException e) {
      return model.get().nativeBytes(); // it was replaced in between
    }
  }

  /** Predictions and the microseconds that they took together, tokenizing included. */
  record Answer(List<Prediction> predictions, double micros) {}

  /** Answers texts; of several a text's latency is their mean. */
  Answer predict(List<String> texts) {
    long start = System.nanoTime();
    List<Prediction> predictions =
        texts.size() == 1 ? List.of(predictor.predict(texts.get(0))) : predictor.predictAll(texts);
    long nanos = System.nanoTime() - start;
    for (Prediction prediction : predictions) {
      latency.add(nanos / texts.size());
      if (prediction.truncated()) {
        truncated.increment();
      }
    }
    return new Answer(predictions, nanos / (double) TimeUnit.MICROSECONDS.toNanos(1));
  }
}
