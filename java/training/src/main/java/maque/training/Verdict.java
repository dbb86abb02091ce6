package maque.training;

import java.util.Locale;

/**
 * Whether distillation paid, in one sentence.
 *
 * @param outcome what the interval says
 * @param text the sentence, with how much, against which baseline, and how sure
 */
public record Verdict(Outcome outcome, String text) {
  /** What the 95 % interval of the gain says. */
  public enum Outcome {
    PAID,
    UNDECIDED,
    COST
  }

  /**
   * Judges a distilled student by a baseline.
   *
   * @param teacher evaluated on the same texts
   * @param baseline the student that the distilled one is measured against
   * @param distilled the distilled student
   * @param seed of the bootstrap
   */
  public static Verdict of(
      Evaluation.Result teacher,
      Evaluation.Result baseline,
      Evaluation.Result distilled,
      long seed) {
    PairedComparison comparison = baseline.compare(distilled, seed);
    Outcome outcome =
        comparison.low() > 0
            ? Outcome.PAID
            : comparison.high() < 0 ? Outcome.COST : Outcome.UNDECIDED;
    String judgement =
        switch (outcome) {
          case PAID -> "Distillation paid";
          case COST -> "Distillation did not pay";
          case UNDECIDED -> "Whether distillation paid cannot be told";
        };
    String text =
        String.format(
            Locale.ROOT,
            "%s: %s has %.1f %%, %s %.1f %%: %s on %,d texts. %s has %.1f %% and takes %,.0f times"
                + " as long per text.",
            judgement,
            distilled.name(),
            percent(distilled),
            baseline.name(),
            percent(baseline),
            comparison.text(),
            comparison.texts(),
            teacher.name(),
            percent(teacher),
            teacher.medianMicros() / distilled.medianMicros());
    return new Verdict(outcome, text);
  }

  private static double percent(Evaluation.Result result) {
    return 100 * result.report().accuracy();
  }
}
