package maque.training.golden;

import maque.training.Batch;
import maque.training.EmulatedGpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Teachers and students with {@code device = cuda}, emulated, within the processor's bounds. */
class GoldenDeviceTest {
  private static final Batch TEACHERS = GoldenCase.batch(61, 7, 1, 12, 3, 20);
  private static final Batch STUDENTS = GoldenCase.batch(40, 4, 9, 1, 6, 11, 2);

  private static ModelSpec onGpu(ModelSpec spec) {
    return spec.with("cuda_library", EmulatedGpu.library()).with("device", "cuda");
  }

  @ParameterizedTest
  @CsvSource({
    "all, pooler",
    "all, cls",
    "all, mean",
    "last-tensors:4, pooler",
    "last-layers:1, mean",
    "head, mean"
  })
  void teacher(String train, String pooling) {
    ModelSpec spec = ModelSpec.teacher(pooling, "9").with("train", train);
    GoldenCase.check(onGpu(spec.with("soft_weight", "0.7")), TEACHERS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"max-logits", "max", "mean", "last"})
  void sequence(String pooling) {
    GoldenCase.check(onGpu(ModelSpec.sequence(pooling, "9", 40, 20, 13).distilled()), STUDENTS);
    Batch bags = GoldenCase.withBags(STUDENTS, 50, 12, 0, 31, 7, 3, 40);
    GoldenCase.check(onGpu(ModelSpec.sequence(pooling, "", 40, 17, 16).withNgrams(50, 16)), bags);
  }

  @Test
  void document() {
    ModelSpec spec = ModelSpec.document("9", 40, 20, 13).distilled().with("train_vectors", "1");
    GoldenCase.check(onGpu(spec), STUDENTS);
    Batch bags = GoldenCase.withBags(STUDENTS, 50, 12, 0, 31, 7, 3, 40);
    GoldenCase.check(onGpu(ModelSpec.document("", 40, 17, 16).withNgrams(50, 16)), bags);
  }

  @Test
  void bagOfNgramsAlone() {
    Batch texts =
        new Batch(
            null, null, STUDENTS.n(), STUDENTS.labels(), STUDENTS.soft(), STUDENTS.hasSoft(), null);
    Batch batch = GoldenCase.withBags(texts, 300, 12, 0, 31, 7, 3, 40);
    GoldenCase.check(onGpu(ModelSpec.bag("9", 300, 64).distilled()), batch);
  }
}
