package maque.runtime;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code maque.json}: size and CRC32C of each file of a model directory, and the CRC32C of each
 * tensor.
 */
record ModelManifest(Map<String, Stamp> files, Map<String, String> tensors) {
  static final String NAME = "maque.json";

  /** What one file must be. */
  record Stamp(long bytes, String crc32c) {
    static Stamp of(byte[] content) {
      return new Stamp(content.length, Checksums.of(content));
    }
  }

  static ModelManifest parse(byte[] json, String source) {
    Map<String, Object> map = Json.parseObject(json, source);
    if (!Long.valueOf(1).equals(map.get("format")) || map.size() != 3) {
      throw new ModelFormatException(
          source + ": expected format 1 with files and tensors, found format " + map.get("format"));
    }
    Map<String, Stamp> files = new LinkedHashMap<>();
    for (Map.Entry<String, Object> file : object(map.get("files"), source).entrySet()) {
      Map<String, Object> stamp = object(file.getValue(), source);
      if (stamp.size() != 2 || !(stamp.get("bytes") instanceof Long bytes)) {
        throw new ModelFormatException(
            source + ": " + file.getKey() + ": expected bytes and crc32c");
      }
      files.put(file.getKey(), new Stamp(bytes, checksum(stamp.get("crc32c"), source)));
    }
    Map<String, String> tensors = new LinkedHashMap<>();
    object(map.get("tensors"), source)
        .forEach((name, value) -> tensors.put(name, checksum(value, source)));
    return new ModelManifest(files, tensors);
  }

  private static Map<String, Object> object(Object value, String source) {
    if (value instanceof Map<?, ?> map) {
      return Json.strings(map);
    }
    throw new ModelFormatException(source + ": expected an object, found " + value);
  }

  private static String checksum(Object value, String source) {
    if (value instanceof String text && text.matches("[0-9a-f]{8}")) {
      return text;
    }
    throw new ModelFormatException(source + ": expected eight hexadecimal digits, found " + value);
  }

  byte[] json() {
    Map<String, Object> stamps = new LinkedHashMap<>();
    files.forEach(
        (name, stamp) -> {
          Map<String, Object> entry = new LinkedHashMap<>();
          entry.put("bytes", stamp.bytes());
          entry.put("crc32c", stamp.crc32c());
          stamps.put(name, entry);
        });
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("format", 1);
    map.put("files", stamps);
    map.put("tensors", tensors);
    return Json.write(map);
  }

  /** Whether a file's content is what was written. */
  void check(Path file, Stamp found) {
    Stamp expected = files.get(file.getFileName().toString());
    if (expected == null) {
      throw new ModelFormatException(file + ": not among the files that " + NAME + " names");
    }
    if (expected.bytes() != found.bytes()) {
      throw new ModelFormatException(
          file + ": expected " + expected.bytes() + " bytes, found " + found.bytes());
    }
    if (!expected.crc32c().equals(found.crc32c())) {
      throw new ModelFormatException(
          file + ": damaged: expected CRC32C " + expected.crc32c() + ", found " + found.crc32c());
    }
  }

  /** Whether the tensors are those that were written. */
  void checkTensors(Path file, Map<String, String> found) {
    for (Map.Entry<String, String> tensor : tensors.entrySet()) {
      String crc = found.get(tensor.getKey());
      if (!tensor.getValue().equals(crc)) {
        throw new ModelFormatException(
            file
                + ": tensor "
                + tensor.getKey()
                + " is damaged: expected CRC32C "
                + tensor.getValue()
                + ", found "
                + (crc == null ? "no such tensor" : crc));
      }
    }
    for (String name : found.keySet()) {
      if (!tensors.containsKey(name)) {
        throw new ModelFormatException(file + ": tensor " + name + " is not named by " + NAME);
      }
    }
  }
}
