package maque.cli;

import java.util.Locale;
import maque.training.TrainingResult;

/** Prints what a run made. */
final class Results {
  private Results() {}

  static void print(Console console, TrainingResult result) {
    result.notes().forEach(note -> console.line("note: " + note));
    String dev =
        Double.isNaN(result.devAccuracy())
            ? "no dev set, the last weights are kept"
            : String.format(
                Locale.ROOT,
                "dev accuracy %.4f at step %d",
                result.devAccuracy(),
                result.bestStep());
    console.result(
        String.format(
            Locale.ROOT,
            "%s: %,d parameters (%,d trained), %d steps in %s, %s",
            result.model(),
            result.parameters(),
            result.trainedParameters(),
            result.steps(),
            Durations.ofSeconds(result.seconds()),
            dev));
  }
}
