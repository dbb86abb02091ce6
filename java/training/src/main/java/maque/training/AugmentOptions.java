package maque.training;

import java.util.Locale;
import maque.runtime.InvalidInputException;

/**
 * How {@link Augmentation} makes synthetic texts; the defaults are those of Tang et al. (arXiv
 * 1903.12136, section 3.2).
 *
 * @param level what is masked and counted by n-grams
 * @param rounds synthetic texts tried for each text, 1..10,000
 * @param mask probability that a word or character is masked
 * @param replace probability that a word gives way to another of its part of speech; with {@code
 *     mask} at most 1
 * @param ngram probability that an n-gram is all that is kept
 * @param longest n is 1 to this, 1..1,000
 * @param maskText what stands for what is masked
 * @param seed key of everything random
 */
public record AugmentOptions(
    Level level,
    int rounds,
    double mask,
    double replace,
    double ngram,
    int longest,
    String maskText,
    long seed) {
  /** Units of a text. */
  public enum Level {
    /** Words of the tagger. */
    WORDS,
    /** Code points that are no white space; replacement is of whole words all the same. */
    CHARACTERS;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A punctuation mark that no vocabulary has: it is a token of its own and [UNK] to a teacher.
   * "[MASK]" in a text would be cut at its brackets, as text never yields a control token.
   */
  public static final String MASK = "\u2E2E";

  public AugmentOptions {
    TrainingOptions.check("rounds", rounds, 1, 10_000);
    TrainingOptions.check("p_mask", mask, 0, 1);
    TrainingOptions.check("p_pos", replace, 0, 1);
    TrainingOptions.check("p_ngram", ngram, 0, 1);
    TrainingOptions.check("max_n", longest, 1, 1000);
    if (mask + replace > 1) {
      throw new InvalidInputException(
          "p_mask + p_pos must be at most 1, not " + mask + " + " + replace);
    }
    if (mask == 0 && replace == 0 && ngram == 0) {
      throw new InvalidInputException("p_mask, p_pos and p_ngram are all 0: nothing to change");
    }
  }

  /** The article's: words, 20 rounds, .1, .1, .25, n up to 5. */
  public static AugmentOptions defaults() {
    return new AugmentOptions(Level.WORDS, 20, 0.1, 0.1, 0.25, 5, MASK, 1);
  }

  /** Whether a tagger is needed: for words, and for their replacement. */
  public boolean needsTagger() {
    return level == Level.WORDS || replace > 0;
  }
}
