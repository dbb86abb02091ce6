package maque.training.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import maque.training.Batch;
import maque.training.TensorInfo;
import maque.training.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A two-layer BERT classifier against LibTorch. */
class GoldenTeacherTest {
  private static final Batch BATCH = GoldenCase.batch(61, 7, 1, 12, 3, 24, 2, 9, 5);

  @ParameterizedTest
  @ValueSource(strings = {"pooler", "cls", "mean"})
  void articleHeadWithCrossEntropy(String pooling) {
    GoldenCase.check(ModelSpec.teacher(pooling, "192"), BATCH);
  }

  @ParameterizedTest
  @ValueSource(strings = {"pooler", "cls", "mean"})
  void linearHeadWithSoftTargets(String pooling) {
    ModelSpec spec =
        ModelSpec.teacher(pooling, "").with("ce_weight", "0.3").with("soft_weight", "0.7");
    GoldenCase.check(spec, BATCH);
  }

  @ParameterizedTest
  @CsvSource({
    "last-tensors:4, pooler",
    "last-layers:1, pooler",
    "last-layers:1, mean",
    "last-layers:2, cls",
    "head, mean",
    "head, pooler",
    "last-tensors:4, mean"
  })
  void partlyFrozen(String train, String pooling) {
    ModelSpec spec = ModelSpec.teacher(pooling, "192").with("train", train);
    GoldenCase.check(spec, BATCH);
    checkTrunk(spec);
  }

  /** The cached output of the frozen part gives the bits that the whole model gives. */
  private static void checkTrunk(ModelSpec spec) {
    try (Trainer trainer = spec.trainer()) {
      trainer.gradients(BATCH);
      var whole = GoldenCase.gradients(trainer);
      float[] trunk = trainer.trunk(BATCH);
      trainer.gradients(BATCH.withTrunk(trunk));
      GoldenCase.gradients(trainer)
          .forEach(
              (name, gradient) ->
                  org.junit.jupiter.api.Assertions.assertArrayEquals(
                      whole.get(name), gradient, name));
    }
  }

  @Test
  void lastFourTensorsAreTheLastNormAndThePooler() {
    try (Trainer trainer =
        ModelSpec.teacher("pooler", "192").with("train", "last-tensors:4").trainer()) {
      List<String> trained =
          trainer.tensors().stream().filter(TensorInfo::trained).map(TensorInfo::name).toList();
      assertEquals(
          List.of(
              "encoder.layer.1.output.LayerNorm.weight",
              "encoder.layer.1.output.LayerNorm.bias",
              "pooler.dense.weight",
              "pooler.dense.bias",
              "head.0.weight",
              "head.0.bias",
              "head.2.weight",
              "head.2.bias"),
          trained);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gelu", "gelu_new", "gelu_pytorch_tanh", "relu"})
  void activations(String activation) {
    GoldenCase.check(ModelSpec.teacher("mean", "192", activation, 1, 32, 2, 50, 61, 24), BATCH);
  }

  @Test
  void wideHeadsAndManyTokens() {
    ModelSpec spec = ModelSpec.teacher("mean", "192", "gelu", 2, 96, 3, 160, 61, 80);
    GoldenCase.check(spec, GoldenCase.batch(61, 80, 33, 1, 64, 17));
  }
}
