package maque.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.Json;

/**
 * What one core can do at most, as the native program {@code maque_limits} measures it.
 *
 * @param peaks operations a second of each kind that the core has, a multiply-add counting as two
 * @param read bytes a second from each level
 * @param cacheBytes sizes of the caches
 */
record Limits(
    String isa,
    String int8Instruction,
    Map<Peak, Double> peaks,
    Map<Level, Double> read,
    Map<Level, Double> cacheBytes) {
  /** Property that names the program. */
  static final String PROGRAM = "maque.benchmarks.limits";

  /** A kind of multiply-add. */
  enum Peak {
    FP32("fp32 peak", "fp32_gflops"),
    BF16("bf16 peak", "bf16_gflops"),
    INT8("int8 peak", "int8_gops");

    final String shown;
    private final String key;

    /** The one of this name for people. */
    static Peak shown(String shown) {
      return Arrays.stream(values())
          .filter(peak -> peak.shown.equals(shown))
          .findFirst()
          .orElseThrow(() -> new IllegalArgumentException("no peak " + shown));
    }

    Peak(String shown, String key) {
      this.shown = shown;
      this.key = key;
    }
  }

  /** A level of the memory, nearest first. */
  enum Level {
    L1("l1", "L1 reads"),
    L2("l2", "L2 reads"),
    L3("l3", "L3 reads"),
    MEMORY("memory", "memory reads");

    final String shown;
    private final String key;

    Level(String key, String shown) {
      this.key = key;
      this.shown = shown;
    }

    private String bandwidth() {
      return "read_" + key + "_gb";
    }

    private String size() {
      return "cache_" + key + "_bytes";
    }
  }

  /** From the program's JSON. */
  static Limits of(Map<String, Object> json) {
    Map<Peak, Double> peaks = new LinkedHashMap<>();
    for (Peak peak : Peak.values()) {
      double value = number(json, peak.key) * 1e9;
      if (value > 0) {
        peaks.put(peak, value);
      }
    }
    Map<Level, Double> read = new LinkedHashMap<>();
    Map<Level, Double> cacheBytes = new LinkedHashMap<>();
    Map<?, ?> readGb = (Map<?, ?>) json.get("read_gb");
    Map<?, ?> sizes = (Map<?, ?>) json.get("cache_bytes");
    for (Level level : Level.values()) {
      read.put(level, number(readGb, level.key) * 1e9);
      cacheBytes.put(
          level, level == Level.MEMORY ? Double.POSITIVE_INFINITY : number(sizes, level.key));
    }
    return new Limits(
        (String) json.get("isa"), (String) json.get("int8_instruction"), peaks, read, cacheBytes);
  }

  /**
   * From what {@link #toJson} wrote.
   *
   * @throws IllegalArgumentException naming what is missing
   */
  static Limits kept(Map<?, ?> json) {
    Map<Peak, Double> peaks = new LinkedHashMap<>();
    for (Peak peak : Peak.values()) {
      if (json.get(peak.key) != null) {
        peaks.put(peak, number(json, peak.key) * 1e9);
      }
    }
    Map<Level, Double> read = new LinkedHashMap<>();
    Map<Level, Double> cacheBytes = new LinkedHashMap<>();
    for (Level level : Level.values()) {
      read.put(level, number(json, level.bandwidth()) * 1e9);
      cacheBytes.put(
          level, level == Level.MEMORY ? Double.POSITIVE_INFINITY : number(json, level.size()));
    }
    return new Limits(
        (String) json.get("isa"), (String) json.get("int8_instruction"), peaks, read, cacheBytes);
  }

  private static double number(Map<?, ?> map, String key) {
    if (!(map.get(key) instanceof Number)) {
      throw new IllegalArgumentException("limits without " + key);
    }
    return ((Number) map.get(key)).doubleValue();
  }

  /** The first level that holds so many bytes. */
  Level holding(double bytes) {
    for (Level level : Level.values()) {
      if (bytes <= cacheBytes.get(level)) {
        return level;
      }
    }
    return Level.MEMORY;
  }

  /** Of two measurements of the same core, the higher figure each: other work only lowers them. */
  Limits orBetter(Limits other) {
    Map<Peak, Double> bestPeaks = new LinkedHashMap<>(peaks);
    other.peaks.forEach((peak, value) -> bestPeaks.merge(peak, value, Math::max));
    Map<Level, Double> bestRead = new LinkedHashMap<>(read);
    other.read.forEach((level, value) -> bestRead.merge(level, value, Math::max));
    return new Limits(isa, int8Instruction, bestPeaks, bestRead, cacheBytes);
  }

  /** 10^9 a second; for the record. */
  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("isa", isa);
    json.put("int8_instruction", int8Instruction);
    peaks.forEach((peak, value) -> json.put(peak.key, value / 1e9));
    for (Level level : Level.values()) {
      json.put(level.bandwidth(), read.get(level) / 1e9);
    }
    for (Level level : List.of(Level.L1, Level.L2, Level.L3)) {
      json.put(level.size(), cacheBytes.get(level));
    }
    return json;
  }

  /** Measures this thread's core. */
  static Limits measure() {
    return of(program());
  }

  /**
   * How much faster two CPUs together multiply than the first alone: near 2 for two cores, near 1
   * for two threads of one core.
   */
  static double scaling(int first, int second) {
    return number(program("--pair", "" + first, "" + second), "fp32_scaling");
  }

  private static Map<String, Object> program(String... arguments) {
    List<String> command = new ArrayList<>(List.of(System.getProperty(PROGRAM)));
    command.addAll(List.of(arguments));
    return Json.parseObject(
        output(command).getBytes(StandardCharsets.UTF_8), Path.of(command.get(0)).toString());
  }

  /** What a command prints; it must succeed. */
  static String output(List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IllegalStateException(command + " ended with " + process.exitValue());
      }
      return text;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
