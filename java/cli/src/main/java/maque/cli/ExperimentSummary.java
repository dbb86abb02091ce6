package maque.cli;

import java.nio.file.Path;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;

/**
 * What the {@code summary.json} of an experiment says of its models.
 *
 * @param title for people
 * @param together all teachers as one; null where there was one
 * @param gain of the distilled student over the one alone, in parts of 1, with its 95 % interval
 */
record ExperimentSummary(
    String title,
    Figure teacher,
    Figure together,
    Figure alone,
    Figure distilled,
    Figure gain,
    String verdict) {
  /**
   * A mean and how far it may be off.
   *
   * @param low mean less a standard deviation over seeds, of a gain the interval's end; the mean
   *     itself where there was one seed
   */
  record Figure(double mean, double low, double high) {}

  /**
   * Reads one.
   *
   * @throws InvalidInputException where it is no summary of distil
   */
  static ExperimentSummary read(String title, Path file) {
    Map<String, Object> map = Json.readObject(file);
    Map<?, ?> gain = map(map.get("gain"));
    if (!(map.get("verdict") instanceof String verdict) || gain.isEmpty()) {
      throw new InvalidInputException(file + ": is no summary.json of maque distil");
    }
    return new ExperimentSummary(
        title,
        way(file, map, "teacher"),
        map.containsKey("ensemble") ? way(file, map, "ensemble") : null,
        way(file, map, "alone"),
        way(file, map, "distilled"),
        new Figure(
            number(file, gain, "mean"), number(file, gain, "low"), number(file, gain, "high")),
        verdict);
  }

  private static Figure way(Path file, Map<String, Object> summary, String id) {
    Map<?, ?> way = map(summary.get(id));
    double mean = number(file, way, "accuracy");
    double deviation = way.containsKey("accuracy_sd") ? number(file, way, "accuracy_sd") : 0;
    return new Figure(mean, mean - deviation, mean + deviation);
  }

  private static Map<?, ?> map(Object value) {
    return value instanceof Map<?, ?> map ? map : Map.of();
  }

  private static double number(Path file, Map<?, ?> map, String name) {
    if (map.get(name) instanceof Number number) {
      return number.doubleValue();
    }
    throw new InvalidInputException(file + ": is no summary.json of maque distil: no " + name);
  }

  /** Part of the way from the student alone to one teacher that the distilled one has gone. */
  double gapClosed() {
    return (distilled.mean() - alone.mean()) / (teacher.mean() - alone.mean());
  }
}
