package maque.training;

import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Drops whole tokens of a training batch (word dropout: Iyyer et al., "Deep unordered composition
 * rivals syntactic methods", 2015; Gal and Ghahramani, arXiv 1512.05287), so that a student cannot
 * lean on single words: for a sequence student they become [UNK], for a document student they are
 * left out of the mean, as unknown words are; a text may lose all. [CLS] and [SEP] stay. Which ones
 * go is a pure function of seed, step and position in the batch.
 */
final class TokenDropout {
  private static final int LEFT_OUT = -1;

  private final double probability;
  private final long seed;
  private final int unknown;
  private final Set<Integer> spared;

  private TokenDropout(double probability, long seed, int unknown, Set<Integer> spared) {
    this.probability = probability;
    this.seed = seed;
    this.unknown = unknown;
    this.spared = spared;
  }

  static TokenDropout of(StudentOptions options, StudentVocabulary vocabulary) {
    List<String> tokens = vocabulary.tokens();
    boolean sequence = options.kind() == StudentOptions.Kind.SEQUENCE;
    boolean special = Boolean.TRUE.equals(vocabulary.tokenizer().get("special_tokens"));
    return new TokenDropout(
        options.tokenDropout(),
        options.seed(),
        sequence ? tokens.indexOf(StudentVocabulary.UNKNOWN) : LEFT_OUT,
        special ? Set.of(tokens.indexOf("[CLS]"), tokens.indexOf("[SEP]")) : Set.of());
  }

  Batch apply(Batch batch, long step) {
    if (probability == 0 || batch.ids() == null) {
      return batch;
    }
    SeededRandom random = new SeededRandom(seed ^ 0x746F6B656E64726FL, step);
    int[] ids = new int[batch.ids().length];
    int[] offsets = new int[batch.n() + 1];
    int size = 0;
    for (int i = 0; i < batch.n(); i++) {
      for (int at = batch.offsets()[i]; at < batch.offsets()[i + 1]; at++) {
        int id = batch.ids()[at];
        boolean dropped = random.nextDouble() < probability && !spared.contains(id);
        if (!dropped || unknown != LEFT_OUT) {
          ids[size++] = dropped ? unknown : id;
        }
      }
      offsets[i + 1] = size;
    }
    return batch.withTexts(Arrays.copyOf(ids, size), offsets);
  }
}
