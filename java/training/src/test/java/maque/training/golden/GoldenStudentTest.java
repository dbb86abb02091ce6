package maque.training.golden;

import maque.training.Batch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both students against LibTorch. */
class GoldenStudentTest {
  private static final Batch BATCH = GoldenCase.batch(40, 4, 9, 1, 6, 0, 11, 2);

  @ParameterizedTest
  @ValueSource(strings = {"max", "mean", "last"})
  void sequence(String pooling) {
    GoldenCase.check(ModelSpec.sequence(pooling, "9", 40, 20, 13).distilled(), BATCH);
    GoldenCase.check(ModelSpec.sequence(pooling, "", 40, 17, 16), BATCH);
  }

  /** The head sees every token here, so that a text without any has no logits to compare. */
  @Test
  void sequenceWithTheMaximumOfLogits() {
    Batch batch = GoldenCase.batch(40, 4, 9, 1, 6, 11, 2);
    GoldenCase.check(ModelSpec.sequence("max-logits", "9", 40, 20, 13).distilled(), batch);
    GoldenCase.check(ModelSpec.sequence("max-logits", "", 40, 17, 16), batch);
  }

  /** The article's sizes: embedding 300, hidden 300, head 192. */
  @ParameterizedTest
  @ValueSource(strings = {"max-logits", "max", "mean", "last"})
  void sequenceOfTheArticlesSize(String pooling) {
    Batch batch = GoldenCase.batch(90, 24, 3, 50, 12);
    GoldenCase.check(
        ModelSpec.sequence(pooling, "192", 90, 300, 300).with("soft_weight", "2"), batch);
  }

  @Test
  void document() {
    GoldenCase.check(ModelSpec.document("9", 40, 20, 13).distilled(), BATCH);
    GoldenCase.check(
        ModelSpec.document("9", 40, 20, 13).distilled().with("train_vectors", "1"), BATCH);
    GoldenCase.check(ModelSpec.document("", 40, 17, 16), BATCH);
  }

  /** The article's sizes: vectors of 300, hidden 256, head 128. */
  @Test
  void documentOfTheArticlesSize() {
    GoldenCase.check(
        ModelSpec.document("128", 90, 300, 256).with("soft_weight", "2"),
        GoldenCase.batch(90, 24, 3, 50, 12));
  }

  /** A text has no n-grams, another no tokens, and many of the buckets no text. */
  @Test
  void ngramsBesideTheDocument() {
    Batch batch = GoldenCase.withBags(BATCH, 50, 12, 0, 31, 7, 3, 40, 1);
    GoldenCase.check(ModelSpec.document("9", 40, 20, 13).distilled().withNgrams(50, 11), batch);
    GoldenCase.check(ModelSpec.document("", 40, 17, 16).withNgrams(50, 16), batch);
  }

  @ParameterizedTest
  @ValueSource(strings = {"max-logits", "max", "mean", "last"})
  void ngramsBesideTheSequence(String pooling) {
    Batch texts = GoldenCase.batch(40, 4, 9, 1, 6, 11, 2);
    Batch batch = GoldenCase.withBags(texts, 50, 12, 0, 31, 7, 3, 40);
    GoldenCase.check(
        ModelSpec.sequence(pooling, "9", 40, 20, 13).distilled().withNgrams(50, 11), batch);
    GoldenCase.check(ModelSpec.sequence(pooling, "", 40, 17, 16).withNgrams(50, 16), batch);
  }

  @Test
  void bagOfNgramsAlone() {
    Batch texts = GoldenCase.batch(40, 4, 9, 1, 6, 11, 2);
    Batch bags =
        new Batch(null, null, texts.n(), texts.labels(), texts.soft(), texts.hasSoft(), null);
    Batch batch = GoldenCase.withBags(bags, 300, 12, 0, 31, 7, 3, 40);
    GoldenCase.check(ModelSpec.bag("9", 300, 64).distilled(), batch);
    GoldenCase.check(ModelSpec.bag("", 300, 5), batch);
  }
}
