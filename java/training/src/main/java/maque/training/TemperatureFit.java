package maque.training;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import maque.runtime.ModelDirectory;

/** The temperature as a part of a model: in its configuration and its record. */
public final class TemperatureFit {
  /** config.json's key of what logits are divided by before they become probabilities. */
  static final String KEY = "calibration_temperature";

  /** Digits that are kept of a temperature. */
  private static final double DIGITS = 1e4;

  private final Calibration raw;
  private final Calibration fitted;

  private TemperatureFit(float[][] logits, int[] gold) {
    raw = Calibration.of(logits, gold, 1);
    double temperature = Math.round(Calibration.fit(logits, gold) * DIGITS) / DIGITS;
    fitted = Calibration.of(logits, gold, temperature);
  }

  /**
   * Fits on texts of known class.
   *
   * @throws maque.runtime.InvalidInputException where there are none
   */
  public static TemperatureFit of(float[][] logits, int[] gold) {
    return new TemperatureFit(logits, gold);
  }

  /** With temperature 1. */
  public Calibration raw() {
    return raw;
  }

  /** With the temperature that was fitted. */
  public Calibration fitted() {
    return fitted;
  }

  /** What training.json says of it under {@code calibration}. */
  Map<String, Object> toMap(String data) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("data", data);
    map.put("temperature", fitted.temperature());
    map.put("error", fitted.error());
    map.put("log_loss", fitted.loss());
    map.put("error_without", raw.error());
    map.put("log_loss_without", raw.loss());
    return map;
  }

  /**
   * A model with this temperature in the place of its own; all else is as it was.
   *
   * @param data names the texts in the record
   * @return a writer that has all but the place's content
   */
  public ModelDirectory.Writer write(ModelDirectory model, String data, Path out) {
    Map<String, Object> config = new LinkedHashMap<>(model.config());
    config.put(KEY, fitted.temperature());
    Map<String, Object> training = new LinkedHashMap<>(model.training());
    training.put("calibration", toMap(data));
    return ModelDirectory.write(out)
        .config(config)
        .tensors(model.tensors())
        .vocab(model.vocab())
        .labels(model.labels())
        .training(training);
  }
}
