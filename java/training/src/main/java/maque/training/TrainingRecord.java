package maque.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Collects what goes into {@code training.json} and {@code run.json}. */
final class TrainingRecord {
  private static final Logger LOG = System.getLogger(TrainingRecord.class.getName());

  private final Map<String, Object> inputs = new LinkedHashMap<>();
  private final Map<String, Object> metrics = new LinkedHashMap<>();
  private final Map<String, Object> calibration = new LinkedHashMap<>();
  private final List<String> notes = new ArrayList<>();
  private final Map<String, Object> options;
  private final String stage;
  private final Instant started = Instant.now();
  private final long startedNanos = System.nanoTime();

  TrainingRecord(String stage, TrainingOptions<?> options) {
    this.stage = stage;
    this.options = options.toMap();
  }

  /** Something that the result depends on. */
  void input(String name, Object value) {
    inputs.put(name, value);
  }

  void data(String name, DataSet data) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", data.name());
    map.put("examples", data.size());
    map.put("sha256", data.hash());
    inputs.put(name, map);
  }

  void texts(String name, Texts texts) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("texts", texts.size());
    map.put("sha256", Texts.hashOf(texts));
    inputs.put(name, map);
  }

  /** How good the weights that are kept are on labelled texts; not part of the fingerprint. */
  void metrics(String name, DataSet data, double accuracy, double loss) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("examples", data.size());
    map.put("sha256", data.hash());
    map.put("accuracy", accuracy);
    map.put("loss", loss);
    metrics.put(name, map);
  }

  /** What the temperature fitted on dev does to the probabilities there. */
  void calibration(Map<String, Object> fit) {
    calibration.putAll(fit);
  }

  /** Something that a reader should know; also goes to the log. */
  void note(String text) {
    notes.add(text);
    LOG.log(Level.INFO, text);
  }

  List<String> notes() {
    return List.copyOf(notes);
  }

  double seconds() {
    return (System.nanoTime() - startedNanos) * 1e-9;
  }

  /** All that the result depends on. */
  Map<String, Object> fingerprint() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("stage", stage);
    options.forEach(map::put);
    inputs.forEach(map::put);
    return map;
  }

  /** The same for the same run, wherever and however often it was interrupted. */
  Map<String, Object> training(TrainingState state, long parameters, long trained) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("stage", stage);
    map.put("seed", options.get("seed"));
    map.put("options", options);
    map.put("inputs", inputs);
    map.put("parameters", parameters);
    map.put("trained_parameters", trained);
    map.put("steps", state.step);
    map.put("best_step", state.bestStep);
    map.put("stopped_early", state.stopped);
    map.put("history", state.history.stream().map(TrainingState.Point::toMap).toList());
    map.put("metrics", metrics);
    if (!calibration.isEmpty()) {
      map.put("calibration", calibration);
    }
    map.put("notes", notes);
    return map;
  }

  /** Times and machine. */
  Map<String, Object> run(int threads) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("started", started.toString());
    map.put("seconds", seconds());
    map.put("threads", threads);
    map.put("instruction_set", Trainer.instructionSet());
    map.put("java", System.getProperty("java.version"));
    return map;
  }
}
