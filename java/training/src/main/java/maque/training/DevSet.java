package maque.training;

import java.util.function.Function;
import java.util.stream.IntStream;

/** The development set as a run sees it: batches in order, and the objective on their logits. */
final class DevSet {
  private static final int BATCH = 64;

  private final int texts;
  private final int classes;
  private final Function<int[], Batch> batches;
  private final Objective objective;

  /**
   * @param batches makes the batch of some rows of dev, labels and soft targets included
   */
  DevSet(int texts, int classes, Function<int[], Batch> batches, Objective objective) {
    this.texts = texts;
    this.classes = classes;
    this.batches = batches;
    this.objective = objective;
  }

  /** Loss and accuracy of the weights as they are. */
  record Score(double loss, double accuracy) {}

  Score score(Trainer trainer) {
    Objective.Sum sum = objective.new Sum();
    for (int from = 0; from < texts; from += BATCH) {
      int[] rows = IntStream.range(from, Math.min(texts, from + BATCH)).toArray();
      Batch batch = batches.apply(rows);
      float[] logits = trainer.forwardFlat(batch);
      for (int i = 0; i < rows.length; i++) {
        boolean soft = batch.soft() != null && (batch.hasSoft() == null || batch.hasSoft()[i] != 0);
        sum.add(logits, i * classes, classes, batch.labels()[i], soft ? batch.soft() : null);
      }
    }
    return new Score(sum.loss(), sum.accuracy());
  }
}
