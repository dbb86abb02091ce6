package maque.runtime;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * Writes one model directory. Files go into {@code .NAME.new} beside it; then the old directory
 * becomes {@code .NAME.old}, the new one NAME, and the old one is deleted. Killed between the two
 * renames, it leaves {@code .NAME.old}, which {@link #present} finds and the next writer puts back:
 * at every moment there is a whole model.
 */
final class ModelWriter {
  /** The files that maque.json covers, in the order in which they are written. */
  static final List<String> COVERED =
      List.of(
          ModelDirectory.CONFIG,
          ModelDirectory.WEIGHTS,
          ModelDirectory.VOCAB,
          ModelDirectory.LABELS,
          ModelDirectory.TRAINING);

  private final Path target;
  private final Path fresh;
  private final Path old;
  private final Map<String, ModelManifest.Stamp> stamps = new LinkedHashMap<>();

  ModelWriter(Path directory) {
    target = directory.toAbsolutePath().normalize();
    if (target.getFileName() == null) {
      throw new InvalidInputException(directory + ": not a name for a model directory");
    }
    fresh = sibling(target, "new");
    old = sibling(target, "old");
  }

  private static Path sibling(Path target, String suffix) {
    return target.resolveSibling("." + target.getFileName() + "." + suffix);
  }

  /**
   * Where the model of that name is: at the path, or aside where a writer was killed while it put a
   * new one in place.
   */
  static Path present(Path directory) {
    Path target = directory.toAbsolutePath().normalize();
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS) || target.getFileName() == null) {
      return directory;
    }
    Path aside = sibling(target, "old");
    return Files.isDirectory(aside) ? aside : directory;
  }

  Path write(
      Map<String, Object> config,
      Map<String, Tensor> tensors,
      List<String> vocab,
      List<String> labels,
      Map<String, Object> training,
      Map<String, Object> run) {
    check(config, tensors, vocab, labels);
    try {
      prepare();
      put(ModelDirectory.CONFIG, Json.write(config));
      putTensors(tensors);
      put(ModelDirectory.VOCAB, lines(vocab));
      if (!labels.isEmpty()) {
        put(ModelDirectory.LABELS, lines(labels));
      }
      if (!training.isEmpty()) {
        put(ModelDirectory.TRAINING, Json.write(training));
      }
      if (!run.isEmpty()) {
        AtomicFiles.write(fresh.resolve(ModelDirectory.RUN), Json.write(run));
      }
      AtomicFiles.write(
          fresh.resolve(ModelManifest.NAME), new ModelManifest(stamps, checksums(tensors)).json());
      replace();
      return target;
    } catch (IOException e) {
      throw AtomicFiles.failure(target, e);
    } finally {
      deleteQuietly(fresh);
    }
  }

  static void check(
      Map<String, Object> config,
      Map<String, Tensor> tensors,
      List<String> vocab,
      List<String> labels) {
    // Through JSON and back, so that what is checked is what a reader sees.
    Map<String, Object> values = Json.parseObject(Json.write(config), ModelDirectory.CONFIG);
    boolean bert = ModelConfig.BERT.equals(values.get("model_type"));
    int outputs = ModelTensors.headOutputs(tensors, bert);
    ModelConfig parsed = new ModelConfig(values, ModelDirectory.CONFIG, outputs);
    ModelTensors.select(parsed, tensors, ModelDirectory.WEIGHTS, true);
    parsed.options(ModelTensors.hasPooler(tensors));
    parsed.maxTokens();
    parsed.temperature();
    ModelReader.checkLabels(labels, parsed.labels(), ModelDirectory.LABELS);
    if (vocab.size() != parsed.vocabSize()) {
      throw new ModelFormatException(
          ModelDirectory.VOCAB
              + ": config.json needs "
              + parsed.vocabSize()
              + " lines (vocab_size), found "
              + vocab.size());
    }
  }

  /** See {@link ModelDirectory#pack}. */
  static void pack(
      Map<String, Object> config,
      Map<String, Tensor> tensors,
      List<String> vocab,
      List<String> labels,
      Map<String, Object> training,
      Path file) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(ModelDirectory.CONFIG, Json.write(config));
    files.put(ModelDirectory.VOCAB, lines(vocab));
    if (!labels.isEmpty()) {
      files.put(ModelDirectory.LABELS, lines(labels));
    }
    if (!training.isEmpty()) {
      files.put(ModelDirectory.TRAINING, Json.write(training));
    }
    Map<String, ModelManifest.Stamp> stamps = new LinkedHashMap<>();
    files.forEach((name, content) -> stamps.put(name, ModelManifest.Stamp.of(content)));
    byte[] manifest = new ModelManifest(stamps, checksums(tensors)).json();
    files.put(ModelManifest.NAME, manifest);
    Map<String, Tensor> packed = new LinkedHashMap<>(tensors);
    files.forEach(
        (name, content) -> {
          ByteBuffer data = ByteBuffer.allocateDirect(content.length).put(content).flip();
          String inFile = ModelSource.SingleFile.PREFIX + name;
          packed.put(inFile, new Tensor(inFile, "U8", new long[] {content.length}, data));
        });
    Safetensors.write(file, packed, Map.of("format", "pt"));
  }

  private static Map<String, String> checksums(Map<String, Tensor> tensors) {
    Map<String, String> checksums = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> checksums.put(name, Checksums.of(tensor.data())));
    return checksums;
  }

  private static byte[] lines(List<String> lines) {
    StringBuilder text = new StringBuilder();
    for (String line : lines) {
      if (line.indexOf('\n') >= 0 || line.endsWith("\r")) {
        throw new ModelFormatException("a line break in an entry: " + line.strip());
      }
      text.append(line).append('\n');
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  private void prepare() throws IOException {
    Files.createDirectories(AtomicFiles.parent(target));
    if (!Files.exists(target) && Files.isDirectory(old)) {
      AtomicFiles.rename(old, target);
    }
    checkReplaceable();
    delete(fresh);
    Files.createDirectory(fresh);
  }

  void requireReplaceable() {
    try {
      checkReplaceable();
    } catch (IOException e) {
      throw AtomicFiles.failure(target, e);
    }
  }

  /** Nothing but a model is ever deleted. */
  private void checkReplaceable() throws IOException {
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new InvalidInputException(
          target + ": expected a directory or nothing, found a file or a link");
    }
    try (Stream<Path> entries = Files.list(target)) {
      entries
          .filter(entry -> !ofModel(entry))
          .findFirst()
          .ifPresent(
              entry -> {
                throw new InvalidInputException(
                    target
                        + ": would be replaced, but holds "
                        + entry.getFileName()
                        + ", which is not a model's");
              });
    }
  }

  private static boolean ofModel(Path entry) {
    String name = entry.getFileName().toString();
    boolean known =
        COVERED.contains(name)
            || name.equals(ModelManifest.NAME)
            || name.equals(ModelDirectory.RUN);
    return known && Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS);
  }

  private void put(String name, byte[] content) {
    AtomicFiles.write(fresh.resolve(name), content);
    stamps.put(name, ModelManifest.Stamp.of(content));
  }

  private void putTensors(Map<String, Tensor> tensors) throws IOException {
    Path file = fresh.resolve(ModelDirectory.WEIGHTS);
    CRC32C crc = new CRC32C();
    Safetensors.write(file, tensors, Map.of("format", "pt"), crc);
    stamps.put(
        ModelDirectory.WEIGHTS, new ModelManifest.Stamp(Files.size(file), Checksums.text(crc)));
  }

  private void replace() throws IOException {
    delete(old);
    if (Files.exists(target)) {
      AtomicFiles.rename(target, old);
    }
    try {
      AtomicFiles.rename(fresh, target);
    } catch (IOException e) {
      if (Files.isDirectory(old)) {
        AtomicFiles.rename(old, target);
      }
      throw e;
    }
    AtomicFiles.syncDirectory(AtomicFiles.parent(target));
    deleteQuietly(old);
  }

  /** A directory of ours: flat, of regular files. */
  private static void delete(Path directory) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> entries = Files.list(directory)) {
      for (Path entry : entries.toList()) {
        Files.delete(entry);
      }
    }
    Files.delete(directory);
  }

  private static void deleteQuietly(Path directory) {
    try {
      delete(directory);
    } catch (IOException e) {
      System.getLogger("maque").log(System.Logger.Level.DEBUG, "not deleted: " + directory, e);
    }
  }
}
