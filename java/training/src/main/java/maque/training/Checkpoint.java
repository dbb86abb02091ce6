package maque.training;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelFormatException;
import maque.runtime.Safetensors;
import maque.runtime.StorageException;
import maque.runtime.Tensor;

/**
 * Weights, optimiser and sampler state of an unfinished run, in {@code OUT.checkpoint} beside its
 * output: one file, replaced whole, with a checksum, and with everything that the run's result
 * depends on, so that it is never taken up by another run.
 */
final class Checkpoint {
  private static final String VALUE = "value";
  private static final String BEST = "best";
  private static final String AVERAGE = "average";

  private final Path directory;
  private final Map<String, Object> fingerprint;
  private final List<String> states;

  /**
   * @param fingerprint all that the result depends on, as JSON values
   * @param states names of the optimiser's states: {@code m}, {@code v} or {@code momentum}
   */
  Checkpoint(Path output, Map<String, Object> fingerprint, List<String> states) {
    directory = directory(output);
    this.fingerprint = fingerprint;
    this.states = states;
  }

  static Path directory(Path output) {
    Path absolute = output.toAbsolutePath().normalize();
    return absolute.resolveSibling(absolute.getFileName() + ".checkpoint");
  }

  /** Where the trunk cache may put its file. */
  Path trunkFile() {
    return directory.resolve("trunk.tmp");
  }

  private Path file() {
    return directory.resolve("state.safetensors");
  }

  void write(Trainer trainer, TrainingState state) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (TensorInfo info : trainer.tensors()) {
      if (!info.trained()) {
        continue;
      }
      if (!state.finished) {
        put(tensors, VALUE, info, trainer.read(info.name(), VALUE));
        for (String what : states) {
          put(tensors, what, info, trainer.read(info.name(), what));
        }
        if (state.average != null) {
          put(tensors, AVERAGE, info, state.average.get(info.name()));
        }
      }
      if (state.best != null) {
        put(tensors, BEST, info, state.best.get(info.name()));
      }
    }
    String json = Json.line(state.toMap());
    Map<String, String> metadata =
        Map.of(
            "state", json,
            "fingerprint", Json.line(fingerprint),
            "crc32c", checksum(tensors, json));
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new StorageException(directory + ": cannot be made: " + e.getMessage(), e);
    }
    Safetensors.write(file(), tensors, metadata);
  }

  private static void put(
      Map<String, Tensor> tensors, String what, TensorInfo info, float[] values) {
    String name = what + "/" + info.name();
    tensors.put(name, Tensor.of(name, info.shape(), values));
  }

  private static String checksum(Map<String, Tensor> tensors, String state) {
    CRC32C crc = new CRC32C();
    crc.update(state.getBytes(StandardCharsets.UTF_8));
    for (String name : new TreeSet<>(tensors.keySet())) {
      crc.update(name.getBytes(StandardCharsets.UTF_8));
      crc.update(tensors.get(name).data());
    }
    return String.format("%08x", crc.getValue());
  }

  /**
   * Puts the trainer where the checkpoint left it; null where there is none. Clears away what a
   * process left that was killed while it wrote one.
   *
   * @throws InvalidInputException where it belongs to a run with other options or data
   * @throws ModelFormatException where it is damaged
   */
  TrainingState read(Trainer trainer) {
    AtomicFiles.deleteLeftovers(file());
    if (!Files.exists(file())) {
      return null;
    }
    Safetensors.Tensors content = Safetensors.read(file());
    String json = content.metadata().getOrDefault("state", "");
    String crc = content.metadata().getOrDefault("crc32c", "");
    if (!crc.equals(checksum(content.tensors(), json))) {
      throw new ModelFormatException(
          file() + ": damaged: checksum " + crc + " expected; remove it to start over");
    }
    requireSameRun(content.metadata().getOrDefault("fingerprint", "{}"));
    TrainingState state =
        TrainingState.of(
            Json.parseObject(json.getBytes(StandardCharsets.UTF_8), file() + " (state)"));
    restore(trainer, state, content);
    return state;
  }

  private void restore(Trainer trainer, TrainingState state, Safetensors.Tensors content) {
    Map<String, float[]> best = new LinkedHashMap<>();
    Map<String, float[]> average = new LinkedHashMap<>();
    for (TensorInfo info : trainer.tensors()) {
      if (!info.trained()) {
        continue;
      }
      if (!state.finished) {
        trainer.write(info.name(), VALUE, content.get(VALUE + "/" + info.name()).floats());
        for (String what : states) {
          trainer.write(info.name(), what, content.get(what + "/" + info.name()).floats());
        }
      }
      keep(best, content.tensors().get(BEST + "/" + info.name()), info);
      keep(average, content.tensors().get(AVERAGE + "/" + info.name()), info);
    }
    state.best = best.isEmpty() ? null : best;
    state.average = average.isEmpty() ? null : average;
    trainer.option("step", state.step);
  }

  private static void keep(Map<String, float[]> values, Tensor kept, TensorInfo info) {
    if (kept != null) {
      values.put(info.name(), kept.floats());
    }
  }

  private void requireSameRun(String found) {
    if (found.equals(Json.line(fingerprint))) {
      return;
    }
    Map<String, Object> other =
        Json.parseObject(found.getBytes(StandardCharsets.UTF_8), file() + " (fingerprint)");
    TreeSet<String> keys = new TreeSet<>(other.keySet());
    keys.addAll(fingerprint.keySet());
    keys.removeIf(key -> Json.line(other.get(key)).equals(Json.line(fingerprint.get(key))));
    throw new InvalidInputException(
        directory
            + " belongs to a run with other options or data "
            + keys
            + "; repeat those to resume it, or remove it to start over");
  }

  /** Removes the checkpoint of a finished run. */
  void delete() {
    if (!Files.isDirectory(directory)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new StorageException(directory + ": cannot be emptied: " + e.getMessage(), e);
    }
    try {
      Files.delete(directory);
    } catch (IOException e) {
      throw new StorageException(directory + ": cannot be removed: " + e.getMessage(), e);
    }
  }

  Path path() {
    return directory;
  }
}
