package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelDirectoryTest {
  @TempDir Path directory;
  private Path model;

  @BeforeEach
  void write() {
    model = TinyModels.student(directory.resolve("model"), "document", null);
  }

  private ModelFormatException refused() {
    return assertThrows(ModelFormatException.class, () -> ModelDirectory.read(model));
  }

  private void refused(String file, String... said) {
    String message = refused().getMessage();
    assertTrue(message.startsWith(model.resolve(file).toString()), message);
    for (String part : said) {
      assertTrue(message.contains(part), message);
    }
  }

  private static byte[] content(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static Map<String, byte[]> contents(Path directory) throws IOException {
    Map<String, byte[]> contents = new HashMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      files.forEach(file -> contents.put(file.getFileName().toString(), content(file)));
    }
    return contents;
  }

  /** Makes the directory foreign, so that only the structural checks are left. */
  private void foreign() throws IOException {
    Files.delete(model.resolve("maque.json"));
  }

  private void edit(String file, String from, String to) throws IOException {
    String text = Files.readString(model.resolve(file));
    assertTrue(text.contains(from), text);
    Files.writeString(model.resolve(file), text.replace(from, to));
  }

  private static void assertSame(ModelDirectory expected, ModelDirectory found) {
    assertEquals(expected.config(), found.config());
    assertEquals(expected.vocab(), found.vocab());
    assertEquals(expected.labels(), found.labels());
    assertEquals(expected.training(), found.training());
    assertEquals(expected.tensors().keySet(), found.tensors().keySet());
    expected
        .tensors()
        .forEach((name, t) -> assertArrayEquals(t.floats(), found.tensors().get(name).floats()));
  }

  @Test
  void readsBackWhatWasWritten() {
    ModelDirectory read = ModelDirectory.read(model);
    assertEquals("maque-document", read.modelType());
    assertEquals(TinyModels.WORDS, read.vocab());
    assertEquals(TinyModels.LABELS, read.labels());
    assertEquals(Map.of("seed", 1L), read.training());
    assertEquals(16, read.maxTokens());
    assertEquals("document", read.nativeOptions().get("kind"));
    assertEquals("4", read.nativeOptions().get("head"));
    Map<String, Tensor> weights = TinyModels.weights(TinyModels.studentConfig("document", null), 1);
    assertEquals(List.copyOf(weights.keySet()), List.copyOf(read.tensors().keySet()));
    weights.forEach(
        (name, t) -> assertArrayEquals(t.floats(), read.nativeTensors().get(name).floats()));
  }

  @Test
  void equalModelsAreEqualFiles() throws IOException {
    Path again = TinyModels.student(directory.resolve("again"), "document", null);
    Map<String, byte[]> expected = contents(model);
    contents(again).forEach((name, bytes) -> assertArrayEquals(expected.get(name), bytes, name));
    assertEquals(
        ModelDirectory.read(model).fingerprint(), ModelDirectory.read(again).fingerprint());
    Path other =
        TinyModels.writer(directory.resolve("other"), TinyModels.studentConfig("document", null), 2)
            .commit();
    assertNotEquals(
        ModelDirectory.read(model).fingerprint(), ModelDirectory.read(other).fingerprint());
  }

  @Test
  void everyMissingFileIsFound() throws IOException {
    for (Map.Entry<String, byte[]> file : contents(model).entrySet()) {
      if (!file.getKey().equals("maque.json")) {
        Files.delete(model.resolve(file.getKey()));
        refused(file.getKey(), "found none");
        Files.createDirectory(model.resolve(file.getKey()));
        refused(file.getKey(), "found a directory");
        Files.delete(model.resolve(file.getKey()));
        Files.write(model.resolve(file.getKey()), file.getValue());
      }
    }
    Path file = model.resolve("config.json");
    assertTrue(
        assertThrows(ModelFormatException.class, () -> ModelDirectory.read(file))
            .getMessage()
            .startsWith(file.toString()));
    assertThrows(
        ModelFormatException.class, () -> ModelDirectory.read(directory.resolve("nowhere")));
  }

  @Test
  void aForeignDirectoryGetsTheStructuralChecks() throws IOException {
    foreign();
    ModelDirectory.read(model);
    edit("vocab.txt", "blue\n", "");
    refused("vocab.txt", "needs 6 lines", "found 5");
    edit("vocab.txt", "green\n", "green\nblue\nnavy\n");
    refused("vocab.txt", "needs 6 lines", "found 7");
    edit("vocab.txt", "navy\n", "");
    edit("labels.txt", "small\n", "");
    refused("labels.txt", "needs 3 labels, found 2");
    edit("labels.txt", "complete\n", "complete\ncomplete\n");
    refused("labels.txt", "twice");
    Files.write(model.resolve("labels.txt"), new byte[] {'a', '\n', 'b', '\n', (byte) 0xFF, '\n'});
    refused("labels.txt", "line 3", "invalid UTF-8");
    Files.writeString(model.resolve("labels.txt"), "a\r\nb\r\nc");
    assertEquals(List.of("a", "b", "c"), ModelDirectory.read(model).labels());
  }

  @Test
  void theConfigurationMustFitTheWeights() throws IOException {
    foreign();
    edit("config.json", "\"hidden_size\": 5", "\"hidden_size\": 6");
    refused("model.safetensors", "lstm.weight_ih_l0", "[24, 3]", "[20, 3]");
    edit("config.json", "\"hidden_size\": 6", "\"hidden_size\": 5");
    edit("config.json", "\"head\": [4]", "\"head\": []");
    refused("model.safetensors", "head.0.weight", "[3, 10]", "[4, 10]");
    edit("config.json", "\"head\": []", "\"head\": [4, 4]");
    refused("model.safetensors", "head.2.weight", "[4, 4]", "[3, 4]");
    edit("config.json", "\"head\": [4, 4]", "\"head\": [4]");
    edit("config.json", "\"vocab_size\": 6", "\"vocab_size\": 7");
    refused("model.safetensors", "vectors.weight", "[7, 3]", "[6, 3]");
  }

  @Test
  void badConfigurationsAreErrorsThatNameTheKey() throws IOException {
    foreign();
    Map<String, String> edits = new LinkedHashMap<>();
    edits.put("\"model_type\": \"maque-document\"", "\"model_type\": \"gpt2\"");
    edits.put("\"num_labels\": 3", "\"num_labels\": 1");
    edits.put("\"vocab_size\": 6", "\"vocab_size\": 6.0");
    edits.put("\"embedding_size\": 3", "\"embedding_size\": -3");
    edits.put("\"hidden_size\": 5", "\"hidden_size\": 99999999999");
    edits.put("\"head\": [4]", "\"head\": [\"4\"]");
    edits.put("\"max_tokens\": 16", "\"max_tokens\": 0");
    for (Map.Entry<String, String> edit : edits.entrySet()) {
      edit("config.json", edit.getKey(), edit.getValue());
      String key = edit.getKey().substring(1, edit.getKey().indexOf('"', 1));
      refused("config.json", key + ": expected", ", found");
      edit("config.json", edit.getValue(), edit.getKey());
    }
    edit("config.json", "\"max_tokens\"", "\"max_tokens\": 1, \"max_tokens\"");
    refused("config.json", "a second time");
  }

  @Test
  void weightsThatAreNotFiniteAreFoundOnLoading() throws IOException {
    for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      Map<String, Object> config = TinyModels.studentConfig("document", null);
      Map<String, Tensor> weights = TinyModels.weights(config, 1);
      float[] bias = weights.get("head.2.bias").floats();
      bias[1] = value;
      weights.put("head.2.bias", Tensor.of("head.2.bias", new long[] {3}, bias));
      Path path = TinyModels.writer(model, config, 1).nativeTensors(weights).commit();
      String message =
          assertThrows(ModelFormatException.class, () -> Student.load(path)).getMessage();
      assertTrue(message.contains("model.safetensors: tensor head.2.bias"), message);
    }
  }

  @Test
  void theWriterRefusesWhatDoesNotFit() throws IOException {
    Map<String, Object> config = TinyModels.studentConfig("document", null);
    Map<String, byte[]> before = contents(model);
    ModelDirectory.Writer writer = TinyModels.writer(model, config, 2);
    assertThrows(ModelFormatException.class, () -> writer.vocab(List.of("a")).commit());
    assertThrows(
        ModelFormatException.class,
        () -> TinyModels.writer(model, config, 2).labels(List.of("a", "b")).commit());
    assertThrows(
        ModelFormatException.class,
        () -> TinyModels.writer(model, config, 2).labels(List.of("a", "b", "c\nd")).commit());
    Tensor extra = Tensor.of("extra", new long[] {1}, new float[1]);
    assertThrows(
        ModelFormatException.class,
        () -> TinyModels.writer(model, config, 2).tensors(Map.of("extra", extra)).commit());
    contents(model).forEach((name, bytes) -> assertArrayEquals(before.get(name), bytes));
    assertOnly("model");
  }

  private void assertOnly(String... names) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      assertEquals(List.of(names), entries.map(e -> e.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void oneFileHoldsTheWholeModel() throws IOException {
    ModelDirectory expected = ModelDirectory.read(model);
    Path file = directory.resolve("student.maque");
    ModelDirectory.pack(expected, file);
    ModelDirectory read = ModelDirectory.read(file);
    assertSame(expected, read);
    assertEquals(expected.fingerprint(), read.fingerprint());
    try (Student one = Student.load(model);
        Student other = Student.load(file)) {
      assertArrayEquals(one.logits("red sparrow"), other.logits("red sparrow"));
    }
    Safetensors.write(file, expected.tensors(), Map.of());
    String message =
        assertThrows(ModelFormatException.class, () -> ModelDirectory.read(file)).getMessage();
    assertTrue(message.contains("expected a model directory or a .maque file"), message);
  }

  /** Hugging Face's configurations have id2label, an encoder's too, and no num_labels. */
  @Test
  void theHeadSaysHowManyLabels() throws IOException {
    Map<String, Object> config = TinyModels.teacherConfig("cls", List.of());
    Path bert = TinyModels.writer(directory.resolve("bert"), config, 1).commit();
    Map<String, Tensor> tensors = new LinkedHashMap<>(ModelDirectory.read(bert).tensors());
    Files.delete(bert.resolve("maque.json"));
    Files.delete(bert.resolve("labels.txt"));
    config.remove("num_labels");
    Files.write(bert.resolve("config.json"), Json.write(config));
    assertEquals(List.of("LABEL_0", "LABEL_1", "LABEL_2"), ModelDirectory.read(bert).labels());
    config.put("id2label", Map.of("0", "a", "1", "b", "2", "c"));
    Files.write(bert.resolve("config.json"), Json.write(config));
    assertEquals(List.of("a", "b", "c"), ModelDirectory.read(bert).labels());
    tensors.keySet().removeIf(name -> name.startsWith("classifier."));
    Safetensors.write(bert.resolve("model.safetensors"), tensors, Map.of());
    assertEquals(List.of(), ModelDirectory.read(bert).labels());
  }

  @Test
  void aModelIsReplacedWhole() throws IOException {
    Path again = TinyModels.writer(model, TinyModels.studentConfig("sequence", "max"), 3).commit();
    assertEquals("maque-sequence", ModelDirectory.read(again).modelType());
    assertOnly("model");
  }

  /** The states that a killed writer leaves: before, between and after its two renames. */
  @Test
  void aKilledWriterLeavesAModel() throws IOException {
    ModelDirectory expected = ModelDirectory.read(model);
    Path fresh = directory.resolve(".model.new");
    Path old = directory.resolve(".model.old");
    Files.createDirectory(fresh);
    Files.writeString(fresh.resolve("config.json"), "{");
    assertSame(expected, ModelDirectory.read(model));
    Files.move(model, old);
    assertSame(expected, ModelDirectory.read(model));
    TinyModels.student(model, "document", null);
    assertSame(expected, ModelDirectory.read(model));
    assertOnly("model");
    Files.createDirectory(old);
    Files.writeString(old.resolve("config.json"), "{}");
    TinyModels.student(model, "document", null);
    assertOnly("model");
  }

  @Test
  void nothingButAModelIsEverReplaced() throws IOException {
    Path notes = Files.createDirectory(directory.resolve("notes"));
    Files.writeString(notes.resolve("thesis.tex"), "years of work");
    String message =
        assertThrows(InvalidInputException.class, () -> TinyModels.student(notes, "document", null))
            .getMessage();
    assertTrue(message.contains("thesis.tex"), message);
    assertEquals("years of work", Files.readString(notes.resolve("thesis.tex")));
    Path file = directory.resolve("file");
    Files.writeString(file, "text");
    assertThrows(InvalidInputException.class, () -> TinyModels.student(file, "document", null));
    assertEquals("text", Files.readString(file));
    Files.delete(notes.resolve("thesis.tex"));
    TinyModels.student(notes, "document", null);
    assertOnly("file", "model", "notes");
  }

  @Test
  void anEntryThatTheManifestDoesNotNameIsAnError() throws IOException {
    edit("maque.json", "\"training.json\"", "\"labels.json\"");
    refused("maque.json", "labels.json");
    Files.write(model.resolve("maque.json"), "{}".getBytes(StandardCharsets.UTF_8));
    refused("maque.json", "format");
    Files.deleteIfExists(model.resolve("maque.json"));
    assertFalse(Files.exists(model.resolve("maque.json")));
    if (ModelDirectory.read(model).training().isEmpty()) {
      fail("training.json is read in a foreign directory too");
    }
  }
}
