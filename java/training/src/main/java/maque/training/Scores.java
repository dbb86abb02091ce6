package maque.training;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
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

  /**
   * Several models as one that answers with the mean of their logits: it has all their parameters
   * and takes the time of all, one after the other.
   *
   * @param all scores of the same texts, at least one
   * @throws InvalidInputException where they are of more or fewer texts or classes
   */
  public static Scores mean(List<Scores> all) {
    Scores first = all.get(0);
    float[][] mean = first.logits();
    for (int i = 0; i < mean.length; i++) {
      for (int c = 0; c < mean[i].length; c++) {
        double sum = 0;
        for (Scores scores : all) {
          requireSameShape(first, scores, i);
          sum += scores.logits[i][c];
        }
        mean[i][c] = (float) (sum / all.size());
      }
    }
    return new Scores(
        mean,
        all.stream().mapToLong(Scores::parameters).sum(),
        all.stream().mapToDouble(Scores::seconds).sum(),
        all.stream().mapToDouble(Scores::medianMicros).sum(),
        all.stream().mapToDouble(Scores::slowMicros).sum());
  }

  private static void requireSameShape(Scores first, Scores other, int text) {
    if (first.logits.length != other.logits.length
        || first.logits[text].length != other.logits[text].length) {
      throw new InvalidInputException("the models were scored on different texts or classes");
    }
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

  /** As JSON values; the logits are float32 in base 64, lowest byte first, text after text. */
  public Map<String, Object> toMap() {
    int classes = logits.length == 0 ? 0 : logits[0].length;
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * logits.length * classes).order(ByteOrder.LITTLE_ENDIAN);
    for (float[] row : logits) {
      for (float value : row) {
        bytes.putFloat(value);
      }
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("parameters", parameters);
    map.put("seconds", seconds);
    map.put("median_micros", medianMicros);
    map.put("p99_micros", slowMicros);
    map.put("classes", (long) classes);
    map.put("logits", Base64.getEncoder().encodeToString(bytes.array()));
    return map;
  }

  /**
   * Reads what {@link #toMap} made.
   *
   * @throws InvalidInputException where something else is there
   */
  public static Scores of(Map<?, ?> map) {
    try {
      int classes = ((Number) map.get("classes")).intValue();
      ByteBuffer bytes =
          ByteBuffer.wrap(Base64.getDecoder().decode((String) map.get("logits")))
              .order(ByteOrder.LITTLE_ENDIAN);
      float[][] logits = new float[bytes.remaining() / (Float.BYTES * classes)][classes];
      for (float[] row : logits) {
        for (int c = 0; c < classes; c++) {
          row[c] = bytes.getFloat();
        }
      }
      return new Scores(
          logits,
          ((Number) map.get("parameters")).longValue(),
          ((Number) map.get("seconds")).doubleValue(),
          ((Number) map.get("median_micros")).doubleValue(),
          ((Number) map.get("p99_micros")).doubleValue());
    } catch (ClassCastException
        | NullPointerException
        | ArithmeticException
        | IllegalArgumentException e) {
      throw new InvalidInputException("these are no scores of a model");
    }
  }
}
