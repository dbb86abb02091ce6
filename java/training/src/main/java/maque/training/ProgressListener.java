package maque.training;

import java.util.Map;

/** Hears how far a stage has come. Called on the thread that does the work, often: be quick. */
@FunctionalInterface
public interface ProgressListener {
  /** Hears nothing. */
  ProgressListener NONE = progress -> {};

  void onProgress(Progress progress);

  /**
   * How far a stage has come.
   *
   * @param stage what is being done: {@code read}, {@code train-teacher}, {@code soft-targets},
   *     {@code train-student}, {@code evaluate}, …
   * @param done units done so far
   * @param total units in all; -1 where unknown
   * @param message one line for people, may be empty
   * @param metrics numbers such as {@code loss}, {@code dev_accuracy}, {@code lr}; often empty
   */
  record Progress(
      String stage, long done, long total, String message, Map<String, Double> metrics) {
    public Progress {
      metrics = Map.copyOf(metrics);
    }
  }
}
