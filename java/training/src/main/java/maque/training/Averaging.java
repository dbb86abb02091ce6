package maque.training;

import java.util.Locale;
import maque.runtime.InvalidInputException;

/**
 * Which mean of a run's weights is evaluated on dev and saved in the place of the weights
 * themselves; training goes on from the latter.
 *
 * @param kind which mean
 * @param amount {@link Kind#EMA}: the factor by which a step's weights fade at each later step, in
 *     (0, 1); {@link Kind#TAIL}: the part of the run, at its end, that the mean is over, in (0, 1]
 * @param every steps from one sample of the weights to the next, 1..1,000,000
 */
public record Averaging(Kind kind, double amount, int every) {
  /** Kinds of means. */
  public enum Kind {
    NONE,
    /**
     * An exponential moving average (Polyak and Juditsky, 1992, in the form that Tarvainen and
     * Valpola use, arXiv 1703.01780), whose first samples fade faster so that the beginning does
     * not linger.
     */
    EMA,
    /** The plain mean over the end of the run (Izmailov et al., arXiv 1803.05407). */
    TAIL;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** No averaging. */
  public static final Averaging NONE = new Averaging(Kind.NONE, 0, 1);

  /** Steps between samples where nothing else is said. */
  public static final int EVERY = 10;

  public Averaging {
    boolean wrong =
        switch (kind) {
          case NONE -> amount != 0;
          case EMA -> !(amount > 0 && amount < 1);
          case TAIL -> !(amount > 0 && amount <= 1);
        };
    if (wrong) {
      throw new InvalidInputException(
          "average: ema takes a factor above 0 and below 1, tail a part above 0 and up to 1, not "
              + amount);
    }
    TrainingOptions.check("average_every", every, 1, 1_000_000);
  }

  /**
   * Reads {@code none}, {@code ema:FACTOR} or {@code tail:PART}.
   *
   * @throws InvalidInputException for anything else
   */
  public static Averaging parse(String text, int every) {
    if (text.equals("none")) {
      return NONE;
    }
    int colon = text.indexOf(':');
    String kind = colon < 0 ? "" : text.substring(0, colon);
    if (kind.equals("ema") || kind.equals("tail")) {
      try {
        double amount = Double.parseDouble(text.substring(colon + 1));
        return new Averaging(kind.equals("ema") ? Kind.EMA : Kind.TAIL, amount, every);
      } catch (NumberFormatException e) {
        throw wrong(text);
      }
    }
    throw wrong(text);
  }

  private static InvalidInputException wrong(String text) {
    return new InvalidInputException(
        "average must be none, ema:FACTOR or tail:PART, not '" + text + "'");
  }

  /** The form that {@link #parse} reads. */
  @Override
  public String toString() {
    return kind == Kind.NONE ? "none" : kind + ":" + amount;
  }
}
