package maque.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
    forward(
        trainer,
        (batch, i, logits) -> {
          boolean soft =
              batch.soft() != null && (batch.hasSoft() == null || batch.hasSoft()[i] != 0);
          sum.add(logits, i * classes, classes, batch.labels()[i], soft ? batch.soft() : null);
        });
    return new Score(sum.loss(), sum.accuracy());
  }

  /** The labelled texts' logits, and their classes. */
  record Answers(float[][] logits, int[] gold) {}

  Answers answers(Trainer trainer) {
    List<float[]> rows = new ArrayList<>();
    List<Integer> gold = new ArrayList<>();
    forward(
        trainer,
        (batch, i, logits) -> {
          if (batch.labels()[i] >= 0) {
            rows.add(Arrays.copyOfRange(logits, i * classes, (i + 1) * classes));
            gold.add(batch.labels()[i]);
          }
        });
    return new Answers(
        rows.toArray(float[][]::new), gold.stream().mapToInt(Integer::intValue).toArray());
  }

  /** What is done with row i of a batch and the logits of all its rows. */
  @FunctionalInterface
  private interface Visitor {
    void row(Batch batch, int i, float[] logits);
  }

  private void forward(Trainer trainer, Visitor visitor) {
    for (int from = 0; from < texts; from += BATCH) {
      int[] rows = IntStream.range(from, Math.min(texts, from + BATCH)).toArray();
      Batch batch = batches.apply(rows);
      float[] logits = trainer.forwardFlat(batch);
      for (int i = 0; i < rows.length; i++) {
        visitor.row(batch, i, logits);
      }
    }
  }
}
