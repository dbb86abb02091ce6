package maque.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import maque.runtime.Maque;

/** What a run was measured on, and with which versions. */
record Environment(Map<String, String> values) {
  /** Of this process. */
  static Environment here(String rounds) {
    Map<String, String> values = new LinkedHashMap<>();
    Maque.Info info = Maque.info();
    values.put("cpu", processor(lines("/proc/cpuinfo")));
    values.put("isa", info.isa());
    values.put("cpu features", info.cpuFeatures());
    values.put("maque", info.version());
    values.put("onnxruntime", jarVersion("onnxruntime"));
    values.put("libtorch", jarVersion("pytorch"));
    values.put("hugging face tokenizers", jarVersion("tokenizers"));
    values.put("java", System.getProperty("java.version"));
    values.put("rounds", rounds);
    values.put("threads", "1, pinned to one core, but for rows that say otherwise");
    values.put("load at the start", lines("/proc/loadavg").get(0));
    return new Environment(values);
  }

  /** Model and instruction set, as rows name it. */
  String cpu() {
    return values.get("cpu") + " (" + values.get("isa") + ")";
  }

  void put(String key, String value) {
    values.put(key, value);
  }

  /** From the lines of /proc/cpuinfo. */
  static String processor(List<String> cpuinfo) {
    return field(cpuinfo, "model name")
        + ", family "
        + field(cpuinfo, "cpu family")
        + ", model "
        + field(cpuinfo, "model");
  }

  private static String field(List<String> lines, String name) {
    return lines.stream()
        .filter(line -> line.matches(name + "\\s*:.*"))
        .map(line -> line.substring(line.indexOf(':') + 1).trim())
        .findFirst()
        .orElse("unknown");
  }

  private static List<String> lines(String file) {
    try {
      return Files.readAllLines(Path.of(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The version in a jar's name on the class path. */
  private static String jarVersion(String artifact) {
    Matcher jar =
        Pattern.compile("/" + artifact + "-([0-9][^/:]*)\\.jar")
            .matcher(System.getProperty("java.class.path"));
    return jar.find() ? jar.group(1) : "unknown";
  }
}
