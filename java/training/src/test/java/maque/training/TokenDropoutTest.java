package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TokenDropoutTest {
  private static final StudentVocabulary PIECES =
      new StudentVocabulary(
          List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"), Map.of("special_tokens", true));
  private static final StudentVocabulary WORDS =
      new StudentVocabulary(List.of("a", "b", "c", "d"), Map.of("special_tokens", false));

  private static int[] many(int n, int id) {
    int[] ids = new int[n];
    Arrays.fill(ids, id);
    return ids;
  }

  @Test
  void aSequenceStudentsTokensBecomeUnknown() {
    StudentOptions options = StudentOptions.sequence().tokenDropout(0.3).seed(5);
    TokenDropout dropout = TokenDropout.of(options, PIECES);
    int[] text = many(10_000, 4);
    text[0] = 2;
    text[9_999] = 3;
    int unknown = 0;
    int kept = 0;
    for (int step = 0; step < 3; step++) {
      Batch batch = dropout.apply(Batch.of(new int[][] {text, {2, 5, 3}}), step);
      assertArrayEquals(new int[] {0, 10_000, 10_003}, batch.offsets());
      assertEquals(2, batch.ids()[0]);
      assertEquals(3, batch.ids()[9_999]);
      for (int id : batch.ids()) {
        unknown += id == 1 ? 1 : 0;
        kept += id > 3 ? 1 : 0;
      }
    }
    assertEquals(3 * 9_999, unknown + kept);
    assertEquals(0.3, unknown / 29_997.0, 0.01);
  }

  @Test
  void aDocumentStudentsTokensAreLeftOut() {
    StudentOptions options = StudentOptions.document().tokenDropout(0.5).seed(5);
    TokenDropout dropout = TokenDropout.of(options, WORDS);
    Batch batch = dropout.apply(Batch.of(new int[][] {many(5_000, 3), many(5_000, 0)}), 7);
    assertEquals(0.5, batch.offsets()[1] / 5_000.0, 0.03);
    assertEquals(batch.ids().length, batch.offsets()[2]);
    for (int i = 0; i < batch.ids().length; i++) {
      assertEquals(i < batch.offsets()[1] ? 3 : 0, batch.ids()[i]);
    }
  }

  @Test
  void aStepDecidesAndZeroDoesNothing() {
    StudentOptions options = StudentOptions.sequence().tokenDropout(0.5);
    TokenDropout dropout = TokenDropout.of(options, PIECES);
    Batch batch = Batch.of(many(100, 4));
    int[] first = dropout.apply(batch, 1).ids();
    assertArrayEquals(first, dropout.apply(batch, 1).ids());
    assertFalse(Arrays.equals(first, dropout.apply(batch, 2).ids()));
    int[] otherSeed = TokenDropout.of(options.seed(2), PIECES).apply(batch, 1).ids();
    assertFalse(Arrays.equals(first, otherSeed));
    assertSame(batch, TokenDropout.of(options.tokenDropout(0), PIECES).apply(batch, 1));
  }
}
