package maque.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;

/**
 * What a classifier answered to many texts, and how fast.
 *
 * @param logits of each text, in the texts' order
 * @param parameters of the model
 * @param seconds for all texts together, tokenizing included, on as many threads as the run had
 * @param medianMicros microseconds of a single prediction, text to label: the median
 * @param slowMicros the 99th percentile of the same
 */
public record Scores(
    float[][] logits, long parameters, double seconds, double medianMicros, double slowMicros) {
  public Scores {
    logits = copy(logits);
  }

  private static float[][] copy(float[][] rows) {
    return Arrays.stream(rows).map(float[]::clone).toArray(float[][]::new);
  }

  @Override
  public float[][] logits() {
    return copy(logits);
  }

  /** Number of texts. */
  public int size() {
    return logits.length;
  }

  /** The class of each text. */
  public int[] predicted() {
    int[] out = new int[logits.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Objective.argmax(logits[i], 0, logits[i].length);
    }
    return out;
  }

  /**
   * What these scores say of labelled texts.
   *
   * @param data the texts that were scored, in the same order
   * @throws InvalidInputException where there are more or fewer
   */
  public Evaluation.Result result(String name, DataSet data) {
    int[] predicted = predicted();
    return new Evaluation.Result(
        name,
        ClassificationReport.of(data.labelIndexes(), predicted, data.labels()),
        data.labelIndexes(),
        predicted,
        parameters,
        seconds,
        medianMicros,
        slowMicros);
  }

  /** As JSON values. */
  public Map<String, Object> toMap() {
    List<Object> rows = new ArrayList<>(logits.length);
    for (float[] row : logits) {
      List<Object> values = new ArrayList<>(row.length);
      for (float value : row) {
        values.add((double) value);
      }
      rows.add(values);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("parameters", parameters);
    map.put("seconds", seconds);
    map.put("median_micros", medianMicros);
    map.put("p99_micros", slowMicros);
    map.put("logits", rows);
    return map;
  }

  /**
   * Reads what {@link #toMap} made.
   *
   * @throws InvalidInputException where something else is there
   */
  public static Scores of(Map<?, ?> map) {
    try {
      List<?> rows = (List<?>) map.get("logits");
      float[][] logits = new float[rows.size()][];
      for (int i = 0; i < logits.length; i++) {
        List<?> row = (List<?>) rows.get(i);
        logits[i] = new float[row.size()];
        for (int c = 0; c < logits[i].length; c++) {
          logits[i][c] = ((Number) row.get(c)).floatValue();
        }
      }
      return new Scores(
          logits,
          ((Number) map.get("parameters")).longValue(),
          ((Number) map.get("seconds")).doubleValue(),
          ((Number) map.get("median_micros")).doubleValue(),
          ((Number) map.get("p99_micros")).doubleValue());
    } catch (ClassCastException | NullPointerException e) {
      throw new InvalidInputException("these are no scores of a model");
    }
  }
}
