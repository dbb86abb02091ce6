package maque.training.golden;

import maque.training.Batch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The combined objective on real models against LibTorch, over its parts, weights and partly
 * labelled batches.
 */
class GoldenObjectiveTest {
  private static final Batch BATCH = GoldenCase.batch(40, 4, 9, 1, 6, 3, 11, 2);
  private static final ModelSpec SEQUENCE = ModelSpec.sequence("max", "9", 40, 20, 13);

  private static ModelSpec objective(String ce, String soft, String kind, String temperature) {
    return SEQUENCE
        .with("ce_weight", ce)
        .with("soft_weight", soft)
        .with("soft_loss", kind)
        .with("temperature", temperature);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0, mse, 1",
    "0.5, 0.5, mse, 1",
    "1, 2, mse, 1",
    "0, 1, mse, 1",
    "0, 1, kl, 1",
    "0, 1, kl, 2",
    "0.5, 0.5, kl, 4",
    "0, 1, kl, 20"
  })
  void partsAndWeights(String ce, String soft, String kind, String temperature) {
    GoldenCase.check(objective(ce, soft, kind, temperature), BATCH);
  }

  @Test
  void classWeights() {
    GoldenCase.check(
        objective("1", "0.5", "kl", "2").with("class_weights", "0.5,2,1,3,0.25"), BATCH);
  }

  @Test
  void noLabels() {
    GoldenCase.check(
        objective("0.5", "0.5", "kl", "2"),
        new Batch(BATCH.ids(), BATCH.offsets(), 7, null, BATCH.soft(), null, null));
  }

  @Test
  void noSoftTargets() {
    GoldenCase.check(
        objective("0.5", "0.5", "kl", "2"),
        new Batch(BATCH.ids(), BATCH.offsets(), 7, BATCH.labels(), null, null, null));
  }
}
