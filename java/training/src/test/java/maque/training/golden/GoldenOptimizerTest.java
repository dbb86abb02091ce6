package maque.training.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.training.Batch;
import maque.training.TensorInfo;
import maque.training.Trainer;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Updates against LibTorch's optimisers in double: from equal gradients, and in three whole steps
 * from the data.
 */
class GoldenOptimizerTest {
  private static final double LR = 0.01;
  private static final double DECAY = 0.1;
  private static final double MOMENTUM = 0.9;
  private static final int STEPS = 3;

  private static final Batch BATCH = GoldenCase.batch(40, 4, 9, 1, 6, 3, 11, 2);

  private static List<ModelSpec> models() {
    return List.of(
        ModelSpec.teacher("pooler", "192", "gelu", 2, 28, 4, 44, 40, 24),
        ModelSpec.sequence("max", "9", 40, 20, 13),
        ModelSpec.document("9", 40, 20, 13).with("train_vectors", "1"));
  }

  private static ModelSpec with(ModelSpec spec, String optimizer) {
    return spec.with("optimizer", optimizer)
        .with("momentum", optimizer.equals("sgd") ? "" + MOMENTUM : "0")
        .with("weight_decay", "" + DECAY);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sgd", "adamw"})
  void equalGradientsGiveEqualUpdates(String optimizer) {
    for (ModelSpec model : models()) {
      Torch.scoped(() -> equalGradients(with(model, optimizer), optimizer));
    }
  }

  private static void equalGradients(ModelSpec spec, String optimizer) {
    try (Trainer trainer = spec.trainer()) {
      TorchModel reference = reference(spec, trainer);
      List<Optimizer> optimizers = optimizers(optimizer, reference, trainer);
      trainer.gradients(BATCH);
      Random random = new Random(5);
      for (int step = 0; step < STEPS; step++) {
        double lr = LR * (step + 1); // the rate may change between steps
        setSameGradients(trainer, reference, random);
        trainer.update(lr);
        step(optimizers, lr);
      }
      reference.parameters.forEach(
          (name, tensor) ->
              GoldenCase.assertClose(
                  name, Torch.doubles(tensor), trainer.read(name, "value"), 1e-6));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sgd", "adamw"})
  void threeWholeSteps(String optimizer) {
    for (ModelSpec model : models()) {
      ModelSpec spec =
          with(model, optimizer)
              .with("soft_weight", "0.5")
              .with("soft_loss", "kl")
              .with("temperature", "2");
      Torch.scoped(() -> wholeSteps(spec, optimizer));
    }
  }

  private static void wholeSteps(ModelSpec spec, String optimizer) {
    try (Trainer trainer = spec.trainer()) {
      TorchModel reference = reference(spec, trainer);
      List<Optimizer> optimizers = optimizers(optimizer, reference, trainer);
      for (int step = 0; step < STEPS; step++) {
        Trainer.Report report = trainer.step(BATCH, LR);
        optimizers.forEach(Optimizer::zero_grad);
        Tensor loss =
            new TorchObjective(spec.options(), BATCH, ScalarType.Double)
                .loss(reference.logits(BATCH));
        loss.backward();
        step(optimizers, LR);
        assertEquals(
            loss.item_double(), report.loss(), 1e-4 * (1 + report.loss()), "loss of step " + step);
      }
      compareWholeSteps(spec, trainer, reference, optimizer.equals("adamw"));
    }
  }

  /**
   * Adam divides by the gradient's own size, so that a gradient that is zero but for rounding (key
   * biases) moves its weight anywhere.
   */
  private static void compareWholeSteps(
      ModelSpec spec, Trainer trainer, TorchModel reference, boolean adam) {
    reference.parameters.forEach(
        (name, tensor) -> {
          if (adam && name.endsWith("key.bias")) {
            return;
          }
          double[] expected = Torch.doubles(tensor);
          float[] actual = trainer.read(name, "value");
          float[] before = spec.weights().get(name);
          double moved = 0;
          for (int i = 0; i < before.length; i++) {
            moved = Math.max(moved, Math.abs(expected[i] - before[i]));
          }
          double bound = (adam ? 2e-2 : 1e-3) * moved + 2e-7 * (1 + GoldenCase.largest(expected));
          double error = GoldenCase.difference(expected, actual);
          assertTrue(
              error <= bound, () -> name + ": weights differ by " + error + ", bound " + bound);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.05", "1000"})
  void clippingByGlobalNorm(String norm) {
    ModelSpec spec =
        ModelSpec.sequence("last", "9", 40, 20, 13)
            .with("optimizer", "sgd")
            .with("clip_norm", norm);
    Torch.scoped(() -> clipped(spec, norm));
  }

  private static void clipped(ModelSpec spec, String norm) {
    try (Trainer trainer = spec.trainer()) {
      TorchModel reference = reference(spec, trainer);
      Trainer.Report report = trainer.step(BATCH, 1);
      new TorchObjective(spec.options(), BATCH, ScalarType.Double)
          .loss(reference.logits(BATCH))
          .backward();
      TensorVector all = new TensorVector(reference.parameters.values().toArray(new Tensor[0]));
      double before = torch.clip_grad_norm_(all, Double.parseDouble(norm));
      step(List.of(new SGD(all, new SGDOptions(1))), 1);
      assertEquals(before, report.gradientNorm(), 1e-4 * before);
      reference.parameters.forEach(
          (name, tensor) ->
              GoldenCase.assertClose(
                  name, Torch.doubles(tensor), trainer.read(name, "value"), 1e-5));
    }
  }

  private static TorchModel reference(ModelSpec spec, Trainer trainer) {
    TorchModel model = new TorchModel(spec, ScalarType.Double);
    for (TensorInfo tensor : trainer.tensors()) {
      model.parameters.get(tensor.name()).requires_grad_(tensor.trained());
    }
    return model;
  }

  /**
   * Two optimisers: one with decay, one without for biases and LayerNorm, as AdamW is asked to do.
   * SGD decays all.
   */
  private static List<Optimizer> optimizers(String kind, TorchModel model, Trainer trainer) {
    Map<String, Tensor> decayed = new LinkedHashMap<>();
    Map<String, Tensor> plain = new LinkedHashMap<>();
    for (TensorInfo tensor : trainer.tensors()) {
      boolean exempt =
          kind.equals("adamw")
              && (tensor.name().contains("bias") || tensor.name().contains("LayerNorm"));
      if (tensor.trained()) {
        (exempt ? plain : decayed).put(tensor.name(), model.parameters.get(tensor.name()));
      }
    }
    List<Optimizer> optimizers = new ArrayList<>();
    optimizers.add(optimizer(kind, decayed, DECAY));
    if (!plain.isEmpty()) {
      optimizers.add(optimizer(kind, plain, 0));
    }
    return optimizers;
  }

  private static Optimizer optimizer(String kind, Map<String, Tensor> tensors, double decay) {
    TensorVector vector = new TensorVector(tensors.values().toArray(new Tensor[0]));
    if (kind.equals("sgd")) {
      SGDOptions options = new SGDOptions(LR);
      options.momentum().put(MOMENTUM);
      options.weight_decay().put(decay);
      return new SGD(vector, options);
    }
    AdamWOptions options = new AdamWOptions(LR);
    options.weight_decay().put(decay);
    return new AdamW(vector, options);
  }

  private static void step(List<Optimizer> optimizers, double lr) {
    for (Optimizer optimizer : optimizers) {
      optimizer.param_groups().get(0).options().set_lr(lr);
      optimizer.step();
    }
  }

  private static void setSameGradients(Trainer trainer, TorchModel reference, Random random) {
    for (TensorInfo tensor : trainer.tensors()) {
      if (!tensor.trained()) {
        continue;
      }
      float[] gradient = new float[tensor.size()];
      for (int i = 0; i < gradient.length; i++) {
        gradient[i] = (float) random.nextGaussian() * 0.3f;
      }
      trainer.write(tensor.name(), "gradient", gradient);
      Tensor parameter = reference.parameters.get(tensor.name());
      parameter.mutable_grad().put(Torch.floats(gradient, ScalarType.Double, tensor.shape()));
    }
  }
}
