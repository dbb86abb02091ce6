package maque.training;

import java.util.Arrays;

/**
 * Leaves whole n-grams out of the means of a training batch, as {@link TokenDropout} does tokens.
 * Nearly every text has n-grams that no other has; a student that always sees them learns its text
 * by them, and little by the ones that other texts share. A text may lose all. Which ones go is a
 * pure function of seed, step and position in the batch.
 */
final class NgramDropout {
  private final double probability;
  private final long seed;

  NgramDropout(StudentOptions options) {
    probability = options.ngrams() == null ? 0 : options.wholeNgramDropout();
    seed = options.seed();
  }

  Batch apply(Batch batch, long step) {
    if (probability == 0) {
      return batch;
    }
    SeededRandom random = new SeededRandom(seed ^ 0x6E6772616D64726FL, step);
    int[][] kept = new int[batch.n()][];
    for (int i = 0; i < batch.n(); i++) {
      int from = batch.bagOffsets()[i];
      int to = batch.bagOffsets()[i + 1];
      int[] left = new int[to - from];
      int size = 0;
      for (int at = from; at < to; at++) {
        if (random.nextDouble() >= probability) {
          left[size++] = batch.bagIds()[at];
        }
      }
      kept[i] = Arrays.copyOf(left, size);
    }
    return batch.withBags(kept);
  }
}
