package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.Student;
import maque.runtime.Teacher;
import maque.runtime.Tensor;
import maque.runtime.TextClassifier;
import maque.training.onnx.OnnxExport;
import maque.training.onnx.OnnxSample;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Exported models in ONNX Runtime, fed with padded batches of what the sample file says. */
class OnnxExportTest {
  private static final double BOUND = 1e-5;
  private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();
  private static final Texts WORDS =
      Texts.of(
          List.of(
              "red green blue 麻雀",
              "",
              "tree",
              "sparrow sparrow stone red stone tree green red blue",
              "nothing of this is known",
              "stone red"));

  @TempDir private Path folder;

  static Stream<String> students() {
    return Stream.of("document", "max-logits", "max", "mean", "last", "bag")
        .flatMap(kind -> kind.equals("bag") ? Stream.of(kind) : Stream.of(kind, kind + " ngrams"));
  }

  @ParameterizedTest
  @MethodSource("students")
  void studentsAnswerAlike(String kind) throws Exception {
    ModelDirectory model =
        ModelDirectory.read(TinyStudent.write(folder.resolve("student"), kind, 5));
    try (Student student = Student.of(model)) {
      assertSame(model, student, WORDS);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "pooler, gelu, 12",
    "cls, gelu_new, ''",
    "mean, relu, 12",
    "cls, gelu_pytorch_tanh, '9,7'"
  })
  void teachersAnswerAlike(String pooling, String activation, String head) throws Exception {
    ModelDirectory model = teacher(pooling, activation, head);
    List<String> texts = new ArrayList<>(List.of(""));
    DataSet data = TinyBert.data("texts", 20, 4);
    for (int i = 0; i < data.size(); i++) {
      texts.add(data.get(i));
    }
    try (Teacher teacher = Teacher.of(model)) {
      assertSame(model, teacher, Texts.of(texts));
    }
  }

  private ModelDirectory teacher(String pooling, String activation, String head) {
    ModelDirectory encoder = ModelDirectory.read(TinyBert.write(folder.resolve("bert"), true));
    Map<String, Object> config = new LinkedHashMap<>(encoder.config());
    List<Long> sizes = new ArrayList<>();
    for (String size : head.isEmpty() ? new String[0] : head.split(",")) {
      sizes.add(Long.parseLong(size));
    }
    config.put("head", List.copyOf(sizes));
    config.put("pooling", pooling);
    config.put("hidden_act", activation);
    ModelIo.putLabels(config, TinyBert.CLASSES);
    Map<String, Tensor> tensors = ModelIo.encoderTensors(encoder);
    sizes.add(0, (long) TinyBert.HIDDEN);
    sizes.add((long) TinyBert.CLASSES.size());
    for (int i = 0; i + 1 < sizes.size(); i++) {
      put(tensors, "head." + 2 * i + ".weight", sizes.get(i + 1), sizes.get(i));
      put(tensors, "head." + 2 * i + ".bias", sizes.get(i + 1));
    }
    return ModelDirectory.read(
        ModelDirectory.write(folder.resolve("teacher"))
            .config(Json.parseObject(Json.write(config), "test"))
            .nativeTensors(tensors)
            .vocab(TinyBert.vocabulary())
            .labels(TinyBert.CLASSES)
            .commit());
  }

  private static void put(Map<String, Tensor> tensors, String name, long... shape) {
    int n = (int) (shape.length == 1 ? shape[0] : shape[0] * shape[1]);
    tensors.put(name, Tensor.of(name, shape, new SeededRandom(2, name).normal(n, 0.5)));
  }

  /** Each text alone, then all of them padded to one length. */
  private void assertSame(ModelDirectory model, TextClassifier classifier, Texts texts)
      throws IOException, OrtException {
    Path file = folder.resolve("model.onnx");
    Path sample = folder.resolve("sample.jsonl");
    OnnxExport.write(model, file);
    boolean teacher = model.modelType().equals("bert");
    OnnxSample.write(classifier, teacher, texts, sample);
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String line : Files.readAllLines(sample)) {
      rows.add(Json.parseObject(line.getBytes(StandardCharsets.UTF_8), "line"));
    }
    assertEquals(texts.size(), rows.size());
    try (OrtSession session = ENVIRONMENT.createSession(file.toString())) {
      assertEquals(
          Json.line(model.labels()), session.getMetadata().getCustomMetadata().get("labels"));
      for (int i = 0; i < rows.size(); i++) {
        assertArrayEquals(classifier.logits(texts.get(i)), logits(rows.get(i)));
        assertClose(rows.subList(i, i + 1), run(session, rows.subList(i, i + 1)));
      }
      assertClose(rows, run(session, rows));
    }
  }

  private static void assertClose(List<Map<String, Object>> rows, float[][] found) {
    for (int i = 0; i < found.length; i++) {
      float[] expected = logits(rows.get(i));
      for (int k = 0; k < expected.length; k++) {
        assertEquals(expected[k], found[i][k], BOUND, rows.get(i).get("text") + " class " + k);
      }
    }
  }

  private static float[] logits(Map<String, Object> row) {
    List<?> values = (List<?>) row.get("logits");
    float[] logits = new float[values.size()];
    for (int k = 0; k < logits.length; k++) {
      logits[k] = ((Number) values.get(k)).floatValue();
    }
    return logits;
  }

  private static float[][] run(OrtSession session, List<Map<String, Object>> rows)
      throws OrtException {
    Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
    try {
      for (String name : session.getInputNames()) {
        inputs.put(name, OnnxTensor.createTensor(ENVIRONMENT, padded(rows, name)));
      }
      try (OrtSession.Result result = session.run(inputs)) {
        return (float[][]) result.get("logits").orElseThrow().getValue();
      }
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  private static long[][] padded(List<Map<String, Object>> rows, String input) {
    int longest = rows.stream().mapToInt(row -> ((List<?>) row.get(input)).size()).max().orElse(0);
    long[][] all = new long[rows.size()][longest];
    for (int i = 0; i < all.length; i++) {
      int t = 0;
      for (Object id : (List<?>) rows.get(i).get(input)) {
        all[i][t++] = (Long) id;
      }
    }
    return all;
  }

  @Test
  void packedModelsAreRefused() {
    ModelDirectory student =
        ModelDirectory.read(TinyStudent.write(folder.resolve("student"), "max", 5));
    Path packed = folder.resolve("packed");
    StudentPacking.pack(student, StudentPacking.Options.of(Precision.INT8), 1, packed).commit();
    Path file = folder.resolve("model.onnx");
    InvalidInputException e =
        assertThrows(
            InvalidInputException.class, () -> OnnxExport.write(ModelDirectory.read(packed), file));
    assertTrue(e.getMessage().contains("packed (int8)"), e.getMessage());
    assertFalse(Files.exists(file));
  }
}
