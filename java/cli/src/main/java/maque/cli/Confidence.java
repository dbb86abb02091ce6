package maque.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.training.Calibration;
import maque.training.Deferral;
import maque.training.Evaluation;
import maque.training.Scores;

/**
 * How far a model's probabilities can be believed, and what they are good for.
 *
 * @param raw without the model's temperature
 * @param calibrated with it
 * @param teacher the name of the model that answers what this one defers; null without one
 */
record Confidence(Calibration raw, Calibration calibrated, Deferral deferral, String teacher) {
  /** Of the last of some models, to which the first, where it is another, is the teacher. */
  static Confidence of(Scores scores, double temperature, List<Evaluation.Result> results) {
    int[] gold = results.get(0).gold();
    float[][] logits = scores.logits();
    boolean cascade = results.size() > 1;
    return new Confidence(
        Calibration.of(logits, gold, 1),
        Calibration.of(logits, gold, temperature),
        Deferral.of(logits, gold, temperature, cascade ? results.get(0).predicted() : null),
        cascade ? results.get(0).name() : null);
  }

  /** A line on calibration and a table of what deferring gains. */
  String text() {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "calibration error %.2f points over 15 bins, log loss %.4f, with temperature %.4f"
                + " (without: %.2f, %.4f)",
            100 * calibrated.error(),
            calibrated.loss(),
            calibrated.temperature(),
            100 * raw.error(),
            raw.loss()));
    lines.add("deferred  threshold  accuracy of the rest" + (teacher == null ? "" : "  cascade"));
    for (Deferral.Point point : deferral.points()) {
      String line =
          String.format(
              Locale.ROOT,
              "%6.1f %%  %9.4f  %20s",
              100 * point.deferred(),
              point.threshold(),
              accuracy(point.kept()));
      lines.add(teacher == null ? line : line + "  " + accuracy(point.cascade()));
    }
    if (teacher != null) {
      lines.add("cascade: what is deferred is answered by " + teacher);
    }
    lines.add("");
    return String.join(System.lineSeparator(), lines);
  }

  private static String accuracy(double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%7.4f", value);
  }

  /** Calibration and deferral as JSON values. */
  Map<String, Object> toMap() {
    Map<String, Object> calibration = new LinkedHashMap<>();
    calibration.put("temperature", calibrated.temperature());
    calibration.put("error", calibrated.error());
    calibration.put("log_loss", calibrated.loss());
    calibration.put("error_without", raw.error());
    calibration.put("log_loss_without", raw.loss());
    List<Object> curve = new ArrayList<>();
    for (Deferral.Point point : deferral.points()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("deferred", point.deferred());
      entry.put("threshold", point.threshold());
      put(entry, "accuracy_of_rest", point.kept());
      put(entry, "accuracy_of_cascade", point.cascade());
      curve.add(entry);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("calibration", calibration);
    map.put("deferral", curve);
    return map;
  }

  private static void put(Map<String, Object> map, String key, double value) {
    if (!Double.isNaN(value)) {
      map.put(key, value);
    }
  }
}
