package maque.training;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Tensor;

/** Between model directories and trainers. */
final class ModelIo {
  private static final String POOLER = "pooler.dense.";

  private ModelIo() {}

  static int integer(Map<String, Object> config, String key) {
    if (config.get(key) instanceof Number number) {
      return number.intValue();
    }
    throw new ModelFormatException("config.json: " + key + " is missing");
  }

  /** An encoder's tensors under native names, its pooler included, without a head. */
  static Map<String, Tensor> encoderTensors(ModelDirectory model) {
    Map<String, Tensor> out = new LinkedHashMap<>(model.nativeTensors());
    out.keySet().removeIf(name -> name.startsWith("head."));
    model
        .tensors()
        .forEach(
            (name, tensor) -> {
              int at = name.indexOf(POOLER);
              if (at == 0 || name.startsWith("bert." + POOLER)) {
                out.put(name.substring(at), tensor);
              }
            });
    return out;
  }

  /**
   * A tensor's values to begin from, which must be numbers.
   *
   * @throws ModelFormatException naming the file and the tensor where one is NaN or infinity
   */
  static float[] finite(ModelDirectory model, Tensor tensor) {
    float[] values = tensor.floats();
    for (float value : values) {
      if (!Float.isFinite(value)) {
        Path path = model.path();
        Path file = Files.isDirectory(path) ? path.resolve("model.safetensors") : path;
        throw new ModelFormatException(
            file + ": tensor " + tensor.name() + " holds NaN or infinity");
      }
    }
    return values;
  }

  /**
   * Checks that a trained student reads and answers as another does; how its probabilities are
   * calibrated may differ.
   *
   * @param config the other's configuration
   * @param owner what messages call the other
   * @throws InvalidInputException naming what differs
   */
  static void requireAlike(
      ModelDirectory model, Map<String, Object> config, List<String> vocab, String owner) {
    Set<String> names = new LinkedHashSet<>(config.keySet());
    names.addAll(model.config().keySet());
    names.remove(TemperatureFit.KEY);
    for (String name : names) {
      Object found = model.config().get(name);
      if (!Objects.equals(config.get(name), found)) {
        throw new InvalidInputException(
            model.path() + " has " + name + " " + found + ", " + owner + " " + config.get(name));
      }
    }
    if (!model.vocab().equals(vocab)) {
      throw new InvalidInputException(model.path() + " has another vocabulary than " + owner);
    }
  }

  static boolean hasPooler(Map<String, Tensor> encoder) {
    return encoder.containsKey(POOLER + "weight");
  }

  /** All tensors of a trainer, the trained ones with the values that were kept. */
  static Map<String, Tensor> tensors(Trainer trainer, TrainingState state) {
    Map<String, Tensor> out = new LinkedHashMap<>();
    for (TensorInfo info : trainer.tensors()) {
      float[] values =
          info.trained() ? state.best.get(info.name()) : trainer.read(info.name(), "value");
      out.put(info.name(), Tensor.of(info.name(), info.shape(), values));
    }
    return out;
  }

  static long parameters(Trainer trainer, boolean trainedOnly) {
    long sum = 0;
    for (TensorInfo info : trainer.tensors()) {
      sum += info.trained() || !trainedOnly ? info.size() : 0;
    }
    return sum;
  }

  /** Adds the names of the classes the way Hugging Face's configuration has them. */
  static void putLabels(Map<String, Object> config, List<String> labels) {
    Map<String, Object> byId = new LinkedHashMap<>();
    Map<String, Object> byName = new LinkedHashMap<>();
    for (int i = 0; i < labels.size(); i++) {
      byId.put(Integer.toString(i), labels.get(i));
      byName.put(labels.get(i), i);
    }
    config.put("num_labels", labels.size());
    config.put("id2label", byId);
    config.put("label2id", byName);
  }

  /** Writes the finished model; tensors under native names. */
  static void write(
      Path out,
      Map<String, Object> config,
      Map<String, Tensor> tensors,
      List<String> vocab,
      List<String> labels,
      Map<String, Object> training,
      Map<String, Object> run) {
    // Through JSON, so that the configuration has the types that a reader sees.
    ModelDirectory.write(out)
        .config(Json.parseObject(Json.write(config), "config.json"))
        .nativeTensors(tensors)
        .vocab(vocab)
        .labels(labels)
        .training(training)
        .run(run)
        .commit();
  }
}
