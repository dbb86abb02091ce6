package maque.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import maque.runtime.ModelDirectory;
import maque.runtime.TeacherForm;
import maque.runtime.Tensor;
import maque.training.Precision;
import maque.training.StudentPacking;
import maque.training.TeacherPacking;
import maque.training.imports.OnnxBert;

/**
 * Models and texts that the benchmarks run on. Each is made in a working directory when it is first
 * asked for, and found there from then on.
 */
final class Material {
  static final String DIRECTORY = "maque.benchmarks.directory";
  static final String TEXTS = "maque.benchmarks.texts";
  static final int CLASSES = 5;

  /** The article's document student on as many vectors as it classified texts. */
  static final StudentShape DOCUMENT = new StudentShape(4001, 300, 256, 128, CLASSES);

  static final StudentShape SEQUENCE =
      new StudentShape(BertShape.SMALL.vocabulary(), 300, 300, 192, CLASSES);
  static final StudentShape SMALL_SEQUENCE =
      new StudentShape(BertShape.SMALL.vocabulary(), 300, 128, 192, CLASSES);

  private static final String BGE = "bge-small-zh-v1.5.onnx";
  private static final String BGE_INT8 = "bge-small-zh-v1.5-q.onnx";

  private Material() {}

  private static Path directory() {
    return Path.of(System.getProperty(DIRECTORY));
  }

  /** Real texts. */
  static List<String> texts() {
    return Texts.read(Path.of(System.getProperty(TEXTS)));
  }

  /** Their ids by bge-small-zh's tokenizer, with [CLS] and [SEP]. */
  static int[][] ids() {
    return Texts.ids(texts(), ModelDirectory.read(teacher()));
  }

  private interface Making {
    void make(Path path) throws IOException;
  }

  private static Path made(String name, Making making) {
    Path path = directory().resolve(name);
    if (!Files.exists(path)) {
      try {
        Files.createDirectories(path.getParent());
        making.make(path);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return path;
  }

  /** Weights of a written model, for the other contenders. */
  static Weights weights(Path model) {
    return Weights.of(ModelDirectory.read(model).nativeTensors());
  }

  /** bge-small-zh with mean pooling and a linear head of seeded weights. */
  static Path teacher() {
    return made("teacher", Material::makeTeacher);
  }

  /** bge-small-zh as its authors' export has it, in floats or with int8 weights. */
  static Path export(boolean int8) {
    String name = int8 ? BGE_INT8 : BGE;
    return made(
        name,
        path -> {
          try (InputStream in = Material.class.getResourceAsStream("/" + name)) {
            Path half = path.resolveSibling(name + ".half");
            Files.copy(in, half, StandardCopyOption.REPLACE_EXISTING);
            Files.move(half, path);
          }
        });
  }

  /** A BERT of random weights with mean pooling and a linear head. */
  static Path bert(String name, BertShape shape) {
    return made(
        name,
        path -> {
          Map<String, Object> config = new LinkedHashMap<>();
          config.put("model_type", "bert");
          config.put("vocab_size", (long) shape.vocabulary());
          config.put("hidden_size", (long) shape.hidden());
          config.put("num_hidden_layers", (long) shape.layers());
          config.put("num_attention_heads", (long) shape.heads());
          config.put("intermediate_size", (long) shape.inner());
          config.put("max_position_embeddings", (long) shape.positions());
          config.put("type_vocab_size", 2L);
          config.put("layer_norm_eps", 1e-12);
          config.put("hidden_act", "gelu");
          writeTeacher(path, config, Weights.encoder(shape).tensors(), pieces(shape.vocabulary()));
        });
  }

  /** A teacher as a graph of fused operators. */
  static Path fused(Path teacher, BertShape shape, boolean int8) {
    return made(
        teacher.getFileName() + "-fused" + (int8 ? "-" + OnnxWeights.range() : "") + ".onnx",
        path -> BertGraph.write(weights(teacher), shape, int8, path));
  }

  static Path sequence(StudentShape shape) {
    return made(
        "sequence-" + shape.hidden(),
        path -> {
          Weights weights =
              new Weights(12)
                  .add("embedding.weight", 0, 1, shape.vocabulary(), shape.in())
                  .addStudent(shape.in(), shape.hidden(), shape.middle(), shape.classes());
          Map<String, Object> config = student("maque-sequence", shape);
          config.put("pooling", "max-logits");
          config.put("tokenizer", tokenizer("wordpiece"));
          write(path, config, weights.tensors(), ModelDirectory.read(teacher()).vocab());
        });
  }

  static Path document() {
    return made(
        "document",
        path -> {
          StudentShape shape = DOCUMENT;
          Weights weights =
              new Weights(11)
                  .add("vectors.weight", 0, 1, shape.vocabulary(), shape.in())
                  .addStudent(shape.in(), shape.hidden(), shape.middle(), shape.classes());
          Map<String, Object> config = student("maque-document", shape);
          Map<String, Object> words = tokenizer("words");
          words.put("segmenter", "spaces");
          config.put("tokenizer", words);
          write(
              path,
              config,
              weights.tensors(),
              IntStream.range(0, shape.vocabulary()).mapToObj(i -> "w" + i).toList());
        });
  }

  /**
   * The form of a student that a contender of Maque's runs: as it was trained, or packed to serve,
   * folded, with the rows of the tokens that occur in the texts.
   */
  static Path form(String contender, Path student) {
    if (contender.equals(Contender.MAQUE)) {
      return student;
    }
    String precision =
        contender.equals(Contender.MAQUE_FOLDED) ? "fp32" : Contender.precision(contender);
    return made(
        "packed/" + student.getFileName() + "-" + precision,
        path -> {
          StudentPacking.Options options =
              StudentPacking.Options.of(Precision.of(precision)).withFold(StudentPacking.Fold.YES);
          if (!student.equals(document())) {
            options = options.withUsed(maque.training.Texts.of(texts()));
          }
          StudentPacking.pack(ModelDirectory.read(student), options, 1, path).commit();
        });
  }

  /** The teacher in a contender's precision. */
  static TeacherForm teacherForm(String contender, Path teacher) {
    ModelDirectory form = ModelDirectory.read(teacherPath(contender, teacher));
    return TeacherForm.of(form, Contender.precision(contender));
  }

  /** The teacher as it was trained, or packed in int8. */
  static Path teacherPath(String contender, Path teacher) {
    if (!Contender.precision(contender).equals("int8")) {
      return teacher;
    }
    return made(
        "packed/" + teacher.getFileName() + "-int8",
        path -> TeacherPacking.pack(ModelDirectory.read(teacher), path).commit());
  }

  /** A student as an ONNX graph. */
  static Path graph(Path student, StudentShape shape, boolean int8) {
    return made(
        student.getFileName() + (int8 ? "-" + OnnxWeights.range() : "") + ".onnx",
        path -> {
          Weights weights = weights(student);
          if (shape == DOCUMENT) {
            StudentGraph.document(weights, shape, int8, path);
          } else {
            StudentGraph.sequence(weights, shape, int8, path);
          }
        });
  }

  private static void makeTeacher(Path path) throws IOException {
    URL url = Material.class.getResource("/" + BGE);
    Path jar = Path.of(((JarURLConnection) url.openConnection()).getJarFile().getName());
    ModelDirectory encoder =
        ModelDirectory.read(OnnxBert.importJar(jar, directory().resolve("encoder")).directory());
    writeTeacher(path, new LinkedHashMap<>(encoder.config()), encoder.tensors(), encoder.vocab());
  }

  private static void writeTeacher(
      Path path, Map<String, Object> config, Map<String, Tensor> encoder, List<String> vocab) {
    config.putAll(Map.of("num_labels", (long) CLASSES, "pooling", "mean", "head", List.of()));
    int hidden = ((Long) config.get("hidden_size")).intValue();
    Weights head =
        new Weights(5)
            .add("classifier.weight", 0, 0.05, CLASSES, hidden)
            .add("classifier.bias", 0, 0.05, CLASSES);
    Map<String, Tensor> tensors = new LinkedHashMap<>(encoder);
    tensors.putAll(head.tensors());
    write(path, config, tensors, vocab);
  }

  private static List<String> pieces(int n) {
    List<String> special = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");
    return IntStream.range(0, n)
        .mapToObj(i -> i < special.size() ? special.get(i) : "w" + i)
        .toList();
  }

  private static Map<String, Object> student(String type, StudentShape shape) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", type);
    config.put("num_labels", (long) shape.classes());
    config.put("head", List.of((long) shape.middle()));
    config.put("vocab_size", (long) shape.vocabulary());
    config.put("embedding_size", (long) shape.in());
    config.put("hidden_size", (long) shape.hidden());
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
      Path path, Map<String, Object> config, Map<String, Tensor> tensors, List<String> vocab) {
    ModelDirectory.write(path)
        .config(config)
        .tensors(tensors)
        .vocab(vocab)
        .labels(List.of("a", "b", "c", "d", "e"))
        .commit();
  }
}
