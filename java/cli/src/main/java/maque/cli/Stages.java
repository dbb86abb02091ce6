package maque.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;

/**
 * Which steps of a run are complete, in {@code KIND.json} of its folder: a step is named after the
 * file or folder that it makes and has a key, all that its result depends on. A step with the same
 * key is not done again; one with another key is removed and done anew.
 */
final class Stages {
  private final Path folder;
  private final Path file;
  private final Map<String, Object> done = new TreeMap<>();

  /** Opens a demo's folder, making it where it does not exist. */
  Stages(Path folder) throws IOException {
    this(folder, "demo");
  }

  /**
   * Opens the folder of a run, making it where it does not exist.
   *
   * @param kind what makes such folders, such as demo
   */
  Stages(Path folder, String kind) throws IOException {
    this.folder = folder;
    file = folder.resolve(kind + ".json");
    if (Files.exists(file)) {
      done.putAll(Json.readObject(file));
    } else if (Files.exists(folder) && !isEmpty(folder)) {
      throw new InvalidInputException(
          folder
              + " exists and is no "
              + kind
              + "'s folder (it has no "
              + kind
              + ".json); give another by --out");
    }
    Files.createDirectories(folder);
    AtomicFiles.write(file, Json.write(done));
  }

  /** What a step does; it returns nothing and throws where it fails. */
  @FunctionalInterface
  interface Step {
    void run() throws Exception;
  }

  /**
   * Does a step unless it is complete. A checkpoint that an interrupted step has left ({@code
   * NAME.checkpoint}) is kept where the key is the same.
   *
   * @param growing whether an unfinished result is kept too, because the step goes on from it
   * @return whether it was done now
   */
  boolean run(String name, List<?> key, boolean growing, Step step) throws Exception {
    String text = key.toString();
    Map<?, ?> entry = done.get(name) instanceof Map<?, ?> map ? map : Map.of();
    boolean same = text.equals(entry.get("key"));
    if (same && entry.containsKey("seconds") && Files.exists(folder.resolve(name))) {
      return false;
    }
    if (!same || !growing) {
      delete(folder.resolve(name));
    }
    if (!same) {
      delete(folder.resolve(name + ".checkpoint"));
      save(name, Map.of("key", text));
    }
    long start = System.nanoTime();
    step.run();
    save(name, Map.of("key", text, "seconds", (System.nanoTime() - start) / 1e9));
    return true;
  }

  private void save(String name, Map<String, Object> entry) {
    done.put(name, new TreeMap<>(entry));
    AtomicFiles.write(file, Json.write(done));
  }

  /** How long each complete step took when it was done, in seconds, by name. */
  Map<String, Double> all() {
    Map<String, Double> times = new TreeMap<>();
    done.forEach(
        (name, value) -> {
          if (value instanceof Map<?, ?> entry && entry.get("seconds") instanceof Number seconds) {
            times.put(name, seconds.doubleValue());
          }
        });
    return times;
  }

  private static boolean isEmpty(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  /** Removes what a step with another key has left. */
  private static void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    try (Stream<Path> files = Files.walk(path)) {
      for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
