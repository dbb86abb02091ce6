package maque.runtime;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads one model, each file once: the bytes that are checked are the bytes that are used. */
final class ModelReader {
  private static final int MAX_TEXT = 256 << 20;

  final Path path;
  final String form;
  final ModelConfig config;
  final Map<String, Tensor> tensors;
  final Map<String, Tensor> selected;
  final List<String> vocab;
  final List<String> labels;
  final Map<String, Object> training;

  private final ModelSource source;
  private final ModelManifest manifest;
  private final StringBuilder identity = new StringBuilder();

  ModelReader(ModelSource source) {
    this.path = source.path();
    this.form = source.form();
    this.source = source;
    manifest = source.has(ModelManifest.NAME) ? readManifest() : null;
    String configFile = file(ModelDirectory.CONFIG).toString();
    Map<String, Object> values =
        Json.parseObject(bytes(ModelDirectory.CONFIG, Json.MAX_BYTES), configFile);
    tensors = readTensors();
    boolean bert = ModelConfig.BERT.equals(values.get("model_type"));
    config = new ModelConfig(values, configFile, ModelTensors.headOutputs(tensors, bert));
    String weights = file(ModelDirectory.WEIGHTS).toString();
    selected = ModelTensors.select(config, tensors, weights, manifest != null);
    vocab = readVocab();
    labels = readLabels();
    training = readTraining();
    checkOptions();
  }

  private Path file(String name) {
    return source.file(name);
  }

  private ModelManifest readManifest() {
    String file = file(ModelManifest.NAME).toString();
    ModelManifest read =
        ModelManifest.parse(source.bytes(ModelManifest.NAME, Json.MAX_BYTES), file);
    for (String name : read.files().keySet()) {
      if (!ModelWriter.COVERED.contains(name)) {
        throw new ModelFormatException(file + ": names a file that is no model's: " + name);
      }
    }
    return read;
  }

  private byte[] bytes(String name, int limit) {
    byte[] bytes = source.bytes(name, limit);
    check(name, ModelManifest.Stamp.of(bytes));
    return bytes;
  }

  private void check(String name, ModelManifest.Stamp found) {
    if (manifest != null) {
      manifest.check(file(name), found);
    }
    if (!name.equals(ModelDirectory.TRAINING) && !name.equals(ModelDirectory.WEIGHTS)) {
      identity.append(name).append(' ').append(found).append('\n');
    }
  }

  private Map<String, Tensor> readTensors() {
    ModelSource.Weights weights = source.weights();
    if (weights.stamp() != null) {
      check(ModelDirectory.WEIGHTS, weights.stamp());
    }
    Map<String, String> checksums = new LinkedHashMap<>();
    for (Tensor tensor : weights.tensors().values()) {
      checksums.put(tensor.name(), Checksums.of(tensor.data()));
      identity.append(tensor).append(' ').append(checksums.get(tensor.name())).append('\n');
    }
    if (manifest != null) {
      manifest.checkTensors(file(ModelDirectory.WEIGHTS), checksums);
    }
    return weights.tensors();
  }

  private List<String> readVocab() {
    List<String> tokens = lines(ModelDirectory.VOCAB);
    int expected = config.vocabSize();
    if (tokens.size() != expected) {
      throw new ModelFormatException(
          file(ModelDirectory.VOCAB)
              + ": config.json needs "
              + expected
              + " lines (vocab_size), found "
              + tokens.size());
    }
    return tokens;
  }

  private List<String> readLabels() {
    boolean listed =
        manifest == null
            ? source.has(ModelDirectory.LABELS)
            : manifest.files().containsKey(ModelDirectory.LABELS);
    List<String> names = listed ? lines(ModelDirectory.LABELS) : config.defaultLabels();
    checkLabels(names, config.labels(), file(ModelDirectory.LABELS).toString());
    return names;
  }

  static void checkLabels(List<String> names, int expected, String source) {
    if (names.size() != expected) {
      throw new ModelFormatException(
          source + ": config.json needs " + expected + " labels, found " + names.size());
    }
    if (new HashSet<>(names).size() != names.size()) {
      throw new ModelFormatException(source + ": a label stands there twice");
    }
    if (names.stream().anyMatch(String::isBlank)) {
      throw new ModelFormatException(source + ": an empty label");
    }
  }

  private Map<String, Object> readTraining() {
    boolean listed =
        manifest == null
            ? source.has(ModelDirectory.TRAINING)
            : manifest.files().containsKey(ModelDirectory.TRAINING);
    if (!listed) {
      return Map.of();
    }
    return Json.parseObject(
        bytes(ModelDirectory.TRAINING, Json.MAX_BYTES), file(ModelDirectory.TRAINING).toString());
  }

  /** Reads the remaining keys of config.json, for their errors. */
  private void checkOptions() {
    config.options(ModelTensors.hasPooler(tensors));
    config.maxTokens();
    config.temperature();
  }

  private List<String> lines(String name) {
    return split(Utf8.decode(bytes(name, MAX_TEXT), file(name).toString()));
  }

  /**
   * Lines end in a line feed, before which a carriage return may stand; other line separators are
   * part of a token.
   */
  static List<String> split(String text) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    while (start < text.length()) {
      int end = text.indexOf('\n', start);
      int next = end < 0 ? text.length() : end + 1;
      end = end < 0 ? text.length() : end;
      lines.add(text.substring(start, end > start && text.charAt(end - 1) == '\r' ? end - 1 : end));
      start = next;
    }
    return lines;
  }

  String fingerprint() {
    try {
      byte[] text = identity.toString().getBytes(StandardCharsets.UTF_8);
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(text);
      return HexFormat.of().formatHex(hash, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new MaqueException("this Java has no SHA-256", e);
    }
  }
}
