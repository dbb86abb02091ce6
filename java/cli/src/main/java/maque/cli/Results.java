package maque.cli;

import java.util.Locale;
import maque.training.TrainingResult;

/** Prints what a run made. */
final class Results {
  private Results() {}

  /** As the result of a command. */
  static void print(Console console, TrainingResult result) {
    notes(console, result);
    console.result(line(result));
  }

  /** As a step on the way. */
  static void mention(Console console, TrainingResult result) {
    notes(console, result);
    console.line(line(result));
  }

  private static void notes(Console console, TrainingResult result) {
    result.notes().stream()
        .filter(note -> !note.startsWith("no development set")) // said below
        .forEach(note -> console.line("note: " + note));
  }

  private static String line(TrainingResult result) {
    String dev =
        Double.isNaN(result.devAccuracy())
            ? "no dev set, the last weights are kept"
            : String.format(
                Locale.ROOT,
                "dev accuracy %.4f at step %d",
                result.devAccuracy(),
                result.bestStep());
    String share =
        Double.isNaN(result.softShare())
            ? ""
            : String.format(
                Locale.ROOT,
                ", %.0f %% of the gradient from soft targets",
                100 * result.softShare());
    return String.format(
        Locale.ROOT,
        "%s: %,d parameters (%,d trained), %d steps in %s, %s%s",
        result.model(),
        result.parameters(),
        result.trainedParameters(),
        result.steps(),
        Durations.ofSeconds(result.seconds()),
        dev,
        share);
  }
}
