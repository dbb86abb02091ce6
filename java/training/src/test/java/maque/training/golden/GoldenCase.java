package maque.training.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.training.Batch;
import maque.training.TensorInfo;
import maque.training.Trainer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One model, one batch and one objective, computed by both sides; the bounds of the comparison are
 * all here.
 */
final class GoldenCase {
  private static final double GRADIENT_RELATIVE = 1e-4;
  private static final double GRADIENT_OF_LARGEST = 1e-6;
  private static final double LOGITS = 2e-5;
  private static final double LOSS = 2e-5;

  private GoldenCase() {}

  /** Texts of mixed lengths, some with a label, some with soft targets, some with both. */
  static Batch batch(int vocabulary, int... lengths) {
    Random random = new Random(17);
    int[][] texts = new int[lengths.length][];
    int[] labels = new int[lengths.length];
    int[] hasSoft = new int[lengths.length];
    float[] soft = new float[lengths.length * ModelSpec.CLASSES];
    for (int i = 0; i < lengths.length; i++) {
      texts[i] = random.ints(lengths[i], 0, vocabulary).toArray();
      labels[i] = i % 3 == 1 ? -1 : random.nextInt(ModelSpec.CLASSES);
      hasSoft[i] = i % 4 == 2 ? 0 : 1;
    }
    for (int i = 0; i < soft.length; i++) {
      soft[i] = (float) (2 * random.nextGaussian());
    }
    return Batch.of(texts).withLabels(labels).withSoft(soft, hasSoft);
  }

  /** The batch's texts with n-grams, some of which occur in several texts and twice in one. */
  static Batch withBags(Batch batch, int buckets, int... lengths) {
    Random random = new Random(19);
    int[][] bags = new int[lengths.length][];
    for (int i = 0; i < bags.length; i++) {
      bags[i] = random.ints(lengths[i], 0, buckets).toArray();
      for (int k = 2; k < bags[i].length; k += 5) {
        bags[i][k] = bags[i][0];
      }
    }
    return batch.withBags(bags);
  }

  /** Compares logits, loss and all gradients, with LibTorch in double and in float. */
  static void check(ModelSpec spec, Batch batch) {
    try (Trainer trainer = spec.trainer()) {
      float[] logits = trainer.forwardFlat(batch);
      Trainer.Report report = trainer.gradients(batch);
      Map<String, float[]> gradients = gradients(trainer);
      for (ScalarType type : List.of(ScalarType.Double, ScalarType.Float)) {
        Torch.scoped(() -> compare(spec, batch, type, logits, report, gradients));
      }
    }
  }

  private static void compare(
      ModelSpec spec,
      Batch batch,
      ScalarType type,
      float[] logits,
      Trainer.Report report,
      Map<String, float[]> gradients) {
    TorchModel model = new TorchModel(spec, type);
    model.parameters.forEach((name, tensor) -> tensor.requires_grad_(gradients.containsKey(name)));
    Tensor expected = model.logits(batch);
    assertClose("logits", Torch.doubles(expected), logits, LOGITS);
    TorchObjective objective = new TorchObjective(spec.options(), batch, type);
    checkReport(report, objective, expected);
    objective.loss(expected).backward();
    checkGradients(gradients(model, gradients), gradients, report.gradientNorm());
  }

  static Map<String, float[]> gradients(Trainer trainer) {
    Map<String, float[]> gradients = new LinkedHashMap<>();
    for (TensorInfo tensor : trainer.tensors()) {
      if (tensor.trained()) {
        gradients.put(tensor.name(), trainer.read(tensor.name(), "gradient"));
      }
    }
    assertTrue(!gradients.isEmpty());
    return gradients;
  }

  private static Map<String, double[]> gradients(TorchModel model, Map<String, float[]> names) {
    Map<String, double[]> gradients = new LinkedHashMap<>();
    for (String name : names.keySet()) {
      Tensor gradient = model.parameters.get(name).grad();
      // Autograd leaves a parameter that the loss does not touch without a gradient.
      gradients.put(
          name, gradient.defined() ? Torch.doubles(gradient) : new double[names.get(name).length]);
    }
    return gradients;
  }

  private static void checkReport(Trainer.Report report, TorchObjective objective, Tensor logits) {
    assertEquals(
        objective.loss(logits).item_double(), report.loss(), LOSS * (1 + Math.abs(report.loss())));
    assertEquals(objective.ce(logits).item_double(), report.ce(), LOSS * (1 + report.ce()));
    assertEquals(objective.soft(logits).item_double(), report.soft(), LOSS * (1 + report.soft()));
    Tensor leaf = logits.detach().clone().requires_grad_(true);
    objective.weightedCe(leaf).backward();
    double ce = leaf.grad().norm().item_double();
    assertEquals(ce, report.ceGradientNorm(), 1e-4 * (ce + 1e-3));
    leaf.grad().zero_();
    objective.weightedSoft(leaf).backward();
    double soft = leaf.grad().norm().item_double();
    assertEquals(soft, report.softGradientNorm(), 1e-4 * (soft + 1e-3));
  }

  /**
   * Per tensor max |a - b| <= 1e-4 max |b| + 1e-6 of the model's largest; a key bias shifts all
   * scores of a row alike: gradient 0.
   */
  static void checkGradients(
      Map<String, double[]> expected, Map<String, float[]> actual, double norm) {
    double largest =
        expected.values().stream().mapToDouble(GoldenCase::largest).max().orElseThrow();
    assertTrue(largest > 1e-4, "gradients too small to tell anything: " + largest);
    double squares = 0;
    for (Map.Entry<String, double[]> entry : expected.entrySet()) {
      String name = entry.getKey();
      double[] b = entry.getValue();
      float[] a = actual.get(name);
      assertEquals(b.length, a.length, name);
      if (name.endsWith("attention.self.key.bias")) {
        assertTrue(largest(b) <= GRADIENT_OF_LARGEST * largest, name);
        assertTrue(largest(a) <= GRADIENT_OF_LARGEST * largest, () -> name + " " + largest(a));
        continue;
      }
      double bound = GRADIENT_RELATIVE * largest(b) + GRADIENT_OF_LARGEST * largest;
      double error = difference(b, a);
      assertTrue(
          error <= bound, () -> name + ": gradients differ by " + error + ", bound " + bound);
      for (double v : b) {
        squares += v * v;
      }
    }
    assertEquals(Math.sqrt(squares), norm, 1e-4 * norm);
  }

  static void assertClose(String what, double[] expected, float[] actual, double bound) {
    assertEquals(expected.length, actual.length, what);
    double error = difference(expected, actual);
    double allowed = bound * (1 + largest(expected));
    assertTrue(error <= allowed, () -> what + " differ by " + error + ", bound " + allowed);
  }

  static double largest(double[] values) {
    double largest = 0;
    for (double v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  static double largest(float[] values) {
    double largest = 0;
    for (double v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  /** Infinite where an element is no number. */
  static double difference(double[] b, float[] a) {
    double largest = 0;
    for (int i = 0; i < b.length; i++) {
      double d = Math.abs(a[i] - b[i]);
      largest = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(largest, d);
    }
    return largest;
  }
}
