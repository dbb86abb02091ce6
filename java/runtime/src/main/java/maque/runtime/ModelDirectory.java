package maque.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A model on disk: {@code config.json}, {@code model.safetensors}, {@code vocab.txt}, {@code
 * labels.txt}, {@code training.json} and {@code maque.json}, which holds sizes and checksums of the
 * others.
 *
 * <p>Reading checks everything before any of it is used: every file against its checksum, the
 * tensors' names and shapes against the configuration, the vocabulary's size, the labels. A
 * directory without {@code maque.json} (Hugging Face's) gets all checks but the checksums, and
 * tensors that the model does not need are ignored. Immutable and thread-safe.
 */
public final class ModelDirectory {
  static final String CONFIG = "config.json";
  static final String WEIGHTS = "model.safetensors";
  static final String VOCAB = "vocab.txt";
  static final String LABELS = "labels.txt";
  static final String TRAINING = "training.json";
  static final String RUN = "run.json";

  private final Path path;
  private final String form;
  private final ModelConfig config;
  private final Map<String, Tensor> tensors;
  private final Map<String, Tensor> selected;
  private final List<String> vocab;
  private final List<String> labels;
  private final Map<String, Object> training;
  private final String fingerprint;
  private final long readNanos;

  ModelDirectory(ModelReader read, long start) {
    path = read.path;
    form = read.form;
    config = read.config;
    tensors = Collections.unmodifiableMap(read.tensors);
    selected = Collections.unmodifiableMap(read.selected);
    vocab = List.copyOf(read.vocab);
    labels = List.copyOf(read.labels);
    training = Collections.unmodifiableMap(read.training);
    fingerprint = read.fingerprint();
    readNanos = System.nanoTime() - start;
  }

  /**
   * Reads and checks a model: a directory, or one file that {@link #pack} wrote.
   *
   * @throws ModelFormatException naming the file, what was expected and what was found
   */
  public static ModelDirectory read(Path directory) {
    long start = System.nanoTime();
    return new ModelDirectory(new ModelReader(ModelSource.of(directory)), start);
  }

  /**
   * Reads and checks a model in one file, that {@link #pack} wrote, from a stream, which must end
   * where the model does. Takes memory in proportion to what the stream gives, whatever its header
   * says. The caller closes the stream.
   *
   * @param name what errors call it
   * @throws ModelFormatException naming what was expected and what was found, or why the stream
   *     cannot be read
   */
  public static ModelDirectory read(InputStream in, String name) {
    long start = System.nanoTime();
    return new ModelDirectory(new ModelReader(ModelSource.of(in, name)), start);
  }

  /**
   * As {@link #read(InputStream, String)}, of a resource.
   *
   * @param name as {@link Class#getResourceAsStream} takes it
   */
  public static ModelDirectory read(Class<?> owner, String name) {
    return read(() -> owner.getResourceAsStream(name), name, owner.getName());
  }

  /**
   * As {@link #read(InputStream, String)}, of a resource.
   *
   * @param name as {@link ClassLoader#getResourceAsStream} takes it
   */
  public static ModelDirectory read(ClassLoader loader, String name) {
    return read(() -> loader.getResourceAsStream(name), name, "the class loader " + loader);
  }

  private static ModelDirectory read(Supplier<InputStream> opener, String name, String owner) {
    try (InputStream in = opener.get()) {
      if (in == null) {
        throw new ModelFormatException(name + ": no such resource of " + owner);
      }
      return read(in, name);
    } catch (IOException e) {
      throw new ModelFormatException(name + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Writes a model into one file: its safetensors, with the other files as byte tensors {@code
   * maque/NAME} and their checksums; {@link #read} takes it as it takes a directory.
   *
   * @throws StorageException where the file cannot be written; what was there before still is
   */
  public static void pack(ModelDirectory model, Path file) {
    ModelWriter.pack(
        model.config(), model.tensors(), model.vocab(), model.labels(), model.training(), file);
  }

  /** Starts writing a model directory; nothing is there before {@link Writer#commit()}. */
  public static Writer write(Path directory) {
    return new Writer(directory);
  }

  /** Where it was read from; of a stream or a resource its name. */
  public Path path() {
    return path;
  }

  /** {@code directory}, {@code file} or {@code stream}. */
  String form() {
    return form;
  }

  /** All of config.json. */
  public Map<String, Object> config() {
    return config.values();
  }

  /** {@code bert}, {@code maque-sequence}, {@code maque-document} or {@code maque-bag}. */
  public String modelType() {
    return config.modelType();
  }

  /** Whether this is a student in the form that serves, which {@code maque pack} writes. */
  public boolean isServingForm() {
    return config.isServing();
  }

  /** Element type of the weights: {@code fp32}, {@code bf16} or {@code int8}. */
  public String precision() {
    return config.precision();
  }

  /**
   * This teacher with its products in another precision: {@code fp32}, or {@code bf16}, whose
   * weights are those of the file, rounded when it is loaded; that takes a processor with
   * AVX512_BF16.
   *
   * @throws InvalidInputException where this is no teacher, or one whose weights are in int8, or
   *     the precision is another
   */
  public ModelDirectory withPrecision(String precision) {
    if (!modelType().equals(ModelConfig.BERT) || precision().equals("int8")) {
      throw new InvalidInputException(
          path + ": precision is to be chosen for teachers with float weights only");
    }
    if (!precision.equals("fp32") && !precision.equals("bf16")) {
      throw new InvalidInputException(
          "a teacher's precision is fp32 or bf16, not "
              + precision
              + " (int8 is a form of its weights)");
    }
    return precision.equals(precision()) ? this : new ModelDirectory(this, precision);
  }

  private ModelDirectory(ModelDirectory other, String precision) {
    path = other.path;
    form = other.form;
    config = other.config.withPrecision(precision);
    tensors = other.tensors;
    selected = other.selected;
    vocab = other.vocab;
    labels = other.labels;
    training = other.training;
    fingerprint = other.fingerprint;
    readNanos = other.readNanos;
  }

  /** Ids that a text may have: config.json's {@code max_tokens}, 128 where it has none. */
  public int maxTokens() {
    return config.maxTokens();
  }

  /** See {@link TextClassifier#temperature()}: config.json's {@code calibration_temperature}. */
  public double temperature() {
    return config.temperature();
  }

  /** Nanoseconds that reading and checking took. */
  long readNanos() {
    return readNanos;
  }

  /** All tensors of the file, under the file's names. */
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  /**
   * The model's own tensors under the names of the native interface, in the model's order: as
   * float32, or, of a student's serving form, as they are.
   */
  public Map<String, Tensor> nativeTensors() {
    return selected;
  }

  /** The configuration as options of the native builders. */
  public Map<String, String> nativeOptions() {
    return config.options(ModelTensors.hasPooler(tensors));
  }

  /** Entries of vocab.txt; a token's id is its place. */
  public List<String> vocab() {
    return vocab;
  }

  /** Class names in the order of the logits; empty for an encoder without a head. */
  public List<String> labels() {
    return labels;
  }

  /** How the model came to be; empty where training.json is absent. */
  public Map<String, Object> training() {
    return training;
  }

  /** 32 hexadecimal digits that name this model's configuration, weights, vocabulary and labels. */
  public String fingerprint() {
    return fingerprint;
  }

  /**
   * Collects a model's files. {@link #commit()} checks that they fit one another, writes them
   * beside the target, maque.json last, and puts the directory in place; a model that was there is
   * replaced only then. For one thread.
   */
  public static final class Writer {
    private final Path directory;
    private final Map<String, Object> config = new LinkedHashMap<>();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private List<String> vocab = List.of();
    private List<String> labels = List.of();
    private Map<String, Object> training = Map.of();
    private Map<String, Object> run = Map.of();

    private Writer(Path directory) {
      this.directory = directory;
    }

    /** config.json. */
    public Writer config(Map<String, ?> values) {
      config.clear();
      config.putAll(values);
      return this;
    }

    /** Tensors under the file's names (the keys), written in the map's order. */
    public Writer tensors(Map<String, Tensor> values) {
      values.forEach((name, tensor) -> tensors.put(name, tensor.named(name)));
      return this;
    }

    /**
     * Tensors under the names of the native interface; call after {@link #config}, which says what
     * the file calls them.
     */
    public Writer nativeTensors(Map<String, Tensor> values) {
      ModelConfig parsed = new ModelConfig(config, CONFIG, 0);
      boolean oneLayer = parsed.head().isEmpty();
      values.forEach(
          (name, tensor) -> {
            String inFile = ModelTensors.fileName(name, parsed.isBert(), oneLayer);
            tensors.put(inFile, tensor.named(inFile));
          });
      return this;
    }

    public Writer vocab(List<String> tokens) {
      vocab = List.copyOf(tokens);
      return this;
    }

    /** Empty for an encoder without a head. */
    public Writer labels(List<String> names) {
      labels = List.copyOf(names);
      return this;
    }

    /**
     * What training.json records: no times, dates, paths or thread counts, so that equal runs give
     * equal files.
     */
    public Writer training(Map<String, ?> values) {
      training = new LinkedHashMap<>(values);
      return this;
    }

    /** Times and the like; not covered by checksums. */
    public Writer run(Map<String, ?> values) {
      run = new LinkedHashMap<>(values);
      return this;
    }

    /**
     * Checks, before any work is done for it, that {@link #commit()} may replace what stands at the
     * path.
     *
     * @throws InvalidInputException where something that is no model is in the way
     */
    public Writer requireReplaceable() {
      new ModelWriter(directory).requireReplaceable();
      return this;
    }

    /**
     * Writes the directory.
     *
     * @return its path
     * @throws ModelFormatException where configuration, tensors, vocabulary and labels do not fit
     *     one another
     * @throws InvalidInputException where something that is no model is in the way
     * @throws StorageException where a file cannot be written; what was there before still is
     */
    public Path commit() {
      return new ModelWriter(directory).write(config, tensors, vocab, labels, training, run);
    }

    /**
     * Writes one file instead, as {@link #pack} does; it holds no run.json.
     *
     * @return its path
     * @throws ModelFormatException as {@link #commit}
     * @throws StorageException where the file cannot be written; what was there before still is
     */
    public Path commitFile() {
      ModelWriter.check(config, tensors, vocab, labels);
      ModelWriter.pack(config, tensors, vocab, labels, training, directory);
      return directory;
    }
  }
}
