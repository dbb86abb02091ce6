package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import org.junit.jupiter.api.Test;

class TrainerTest {
  static final Batch BATCH =
      Batch.of(new int[] {1, 2, 3}, new int[] {}, new int[] {4}).withLabels(new int[] {0, 1, 1});

  private static Trainer.Builder builder(Map<String, ?> more) {
    Trainer.Builder builder = Trainer.builder();
    builder
        .option("kind", "sequence")
        .option("num_labels", 2)
        .option("head", "3")
        .option("vocab_size", 5)
        .option("embedding_size", 4)
        .option("hidden_size", 3)
        .option("pooling", "mean");
    more.forEach(builder::option);
    weights().apply(builder);
    return builder;
  }

  private static InitialWeights weights() {
    InitialWeights weights = new InitialWeights(2);
    weights.embedding("embedding.weight", 5, 4, 1);
    weights.pytorchLstm(4, 3);
    weights.head(6, List.of(3), 2);
    return weights;
  }

  static Trainer trainer(Map<String, ?> more) {
    try (Trainer.Builder builder = builder(more)) {
      return builder.build();
    }
  }

  @Test
  void aStepLowersTheLoss() {
    try (Trainer trainer = trainer(Map.of("optimizer", "sgd"))) {
      Trainer.Report first = trainer.step(BATCH, 0.1);
      assertEquals(3, first.labelled());
      assertEquals(0, first.withSoft());
      assertEquals(first.loss(), first.ce());
      double last = first.loss();
      for (int i = 0; i < 20; i++) {
        last = trainer.step(BATCH, 0.1).loss();
      }
      assertTrue(last < first.loss(), last + " after " + first.loss());
    }
  }

  @Test
  void gradientsAndUpdateAreAStep() {
    try (Trainer a = trainer(Map.of());
        Trainer b = trainer(Map.of())) {
      for (int i = 0; i < 3; i++) {
        Trainer.Report report = a.step(BATCH, 0.01);
        assertEquals(report, b.gradients(BATCH));
        b.update(0.01);
      }
      for (TensorInfo tensor : a.tensors()) {
        assertArrayEquals(a.read(tensor.name(), "value"), b.read(tensor.name(), "value"));
        assertArrayEquals(a.read(tensor.name(), "v"), b.read(tensor.name(), "v"));
      }
    }
  }

  @Test
  void sgdIsValueLessRateTimesGradient() {
    try (Trainer trainer = trainer(Map.of("optimizer", "sgd"))) {
      float[] before = trainer.read("head.2.weight", "value");
      trainer.gradients(BATCH);
      float[] gradient = trainer.read("head.2.weight", "gradient");
      trainer.update(0.5);
      float[] after = trainer.read("head.2.weight", "value");
      for (int i = 0; i < before.length; i++) {
        assertEquals(before[i] - 0.5 * gradient[i], after[i], 1e-6);
      }
    }
  }

  @Test
  void forwardHasARowForEachText() {
    try (Trainer trainer = trainer(Map.of())) {
      float[][] rows = trainer.forward(BATCH);
      assertEquals(3, rows.length);
      float[] alone = trainer.forwardFlat(Batch.of(new int[] {4}));
      assertArrayEquals(alone, rows[2]);
      assertEquals(Trainer.TrunkShape.Kind.NONE, trainer.trunkShape().kind());
      assertEquals(0, trainer.trunk(BATCH).length);
    }
  }

  @Test
  void valuesAreWrittenAndRead() {
    try (Trainer trainer = trainer(Map.of())) {
      float[] values = new float[6];
      Arrays.fill(values, 0.25f);
      trainer.write("head.2.weight", "value", values);
      assertArrayEquals(values, trainer.read("head.2.weight", "value"));
      assertThrows(
          MaqueException.class, () -> trainer.write("head.2.weight", "value", new float[5]));
      assertThrows(MaqueException.class, () -> trainer.read("head.2.weight", "momentum"));
      assertThrows(InvalidInputException.class, () -> trainer.read("none", "value"));
    }
  }

  @Test
  void wrongOptionsAndTensors() {
    assertThrows(MaqueException.class, () -> trainer(Map.of("pooling", "most")));
    assertThrows(MaqueException.class, () -> trainer(Map.of("no_such_option", 1)));
    assertThrows(MaqueException.class, () -> trainer(Map.of("hidden_size", 4)));
    try (Trainer.Builder builder = builder(Map.of())) {
      assertThrows(
          MaqueException.class,
          () -> builder.tensor("head.0.bias", new long[] {3}, new float[] {1, Float.NaN, 2}));
    }
    try (Trainer.Builder spent = builder(Map.of())) {
      spent.build().close();
      assertThrows(IllegalStateException.class, spent::build);
    }
  }

  @Test
  void wrongBatches() {
    try (Trainer trainer = trainer(Map.of())) {
      assertThrows(MaqueException.class, () -> trainer.step(Batch.of(new int[] {5}), 0.1));
      assertThrows(MaqueException.class, () -> trainer.step(Batch.of(new int[] {-1}), 0.1));
      assertThrows(
          MaqueException.class,
          () -> trainer.step(Batch.of(new int[] {1}).withLabels(new int[] {2}), 0.1));
      assertThrows(
          InvalidInputException.class,
          () -> trainer.step(Batch.of(new int[] {1}).withLabels(new int[0]), 0.1));
      assertThrows(
          InvalidInputException.class,
          () -> trainer.step(Batch.of(new int[] {1}).withSoft(new float[1], null), 0.1));
      assertThrows(InvalidInputException.class, () -> trainer.forward(Batch.of()));
      assertThrows(
          MaqueException.class,
          () ->
              trainer.forward(new Batch(new int[1], new int[] {0, 9}, 1, null, null, null, null)));
      Trainer.Report report = trainer.step(BATCH, 0.01);
      assertTrue(Double.isFinite(report.loss()), "the trainer is whole after all that");
    }
  }

  @Test
  void useAfterClose() {
    Trainer trainer = trainer(Map.of());
    trainer.close();
    trainer.close();
    assertThrows(IllegalStateException.class, () -> trainer.step(BATCH, 0.1));
    assertThrows(IllegalStateException.class, () -> trainer.read("head.0.bias", "value"));
    assertFalse(trainer.tensors().isEmpty());
  }
}
