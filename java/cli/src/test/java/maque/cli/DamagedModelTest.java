package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import maque.runtime.ModelDirectory;
import maque.runtime.Safetensors;
import maque.runtime.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A damaged model, or text that is none, is answered by exit code 1 and one line. */
class DamagedModelTest {
  @TempDir private static Path shared;

  private static Path encoder;
  private static Path train;
  private static Path student;

  @TempDir private Path folder;

  /** A copy to damage. */
  private Path model;

  @BeforeAll
  static void makeStudent() throws IOException {
    encoder = shared.resolve("encoder");
    student = shared.resolve("student");
    train = Tiny.data(shared.resolve("train.jsonl"), 60, 1);
    run("import", Tiny.huggingFace(shared.resolve("hf")), "--out", encoder);
    Object[] command = trainStudent(student, "4");
    run(command);
  }

  private static String[] trainStudent(Path out, String size) {
    return new String[] {
      "train-student",
      "--teacher",
      encoder.toString(),
      "--train",
      train.toString(),
      "--embedding-size",
      size,
      "--hidden-size",
      size,
      "--max-steps",
      "2",
      "--out",
      out.toString()
    };
  }

  private static void run(Object... args) {
    Tiny.Outcome outcome = Tiny.maque(args);
    assertEquals(0, outcome.code(), outcome.err());
  }

  @BeforeEach
  void copyStudent() throws IOException {
    model = Files.createDirectory(folder.resolve("model"));
    try (Stream<Path> files = Files.list(student)) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
  }

  private void predictFails(String... expected) {
    assertFailure(Tiny.maque("predict", "--student", model, "cat"), expected);
  }

  private static void assertFailure(Tiny.Outcome outcome, String... expected) {
    assertEquals(1, outcome.code(), outcome.err());
    String line = outcome.errorLine();
    for (String part : expected) {
      assertTrue(line.contains(part), line);
    }
    assertEquals("", outcome.out());
  }

  /** Without checksums only what does not fit can be noticed. */
  private void withoutChecksums() throws IOException {
    Files.delete(model.resolve("maque.json"));
    assertEquals(0, Tiny.maque("predict", "--student", model, "cat").code());
  }

  @Test
  void missingWeights() throws IOException {
    Files.delete(model.resolve("model.safetensors"));
    predictFails("model.safetensors");
  }

  @Test
  void aConfigurationThatDoesNotFitTheWeights() throws IOException {
    withoutChecksums();
    Path config = model.resolve("config.json");
    String text = Files.readString(config);
    String other = text.replaceFirst("\"hidden_size\" *: *4", "\"hidden_size\": 5");
    assertFalse(other.equals(text), text);
    Files.writeString(config, other);
    predictFails("model.safetensors", "lstm");
  }

  @Test
  void aVocabularyOfAnotherSize() throws IOException {
    withoutChecksums();
    Path vocabulary = model.resolve("vocab.txt");
    List<String> words = Files.readAllLines(vocabulary);
    Files.write(vocabulary, words.subList(0, words.size() - 1));
    predictFails("vocab.txt", "" + words.size(), "" + (words.size() - 1));
  }

  @Test
  void notANumberInTheWeights() throws IOException {
    withoutChecksums();
    Map<String, Tensor> tensors = new LinkedHashMap<>(ModelDirectory.read(model).tensors());
    Tensor first = tensors.values().iterator().next();
    float[] values = first.floats();
    values[values.length / 2] = Float.NaN;
    tensors.put(first.name(), Tensor.of(first.name(), first.shape(), values));
    Safetensors.write(model.resolve("model.safetensors"), tensors, Map.of());
    predictFails("model", first.name(), "NaN");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "labels.txt",
        "training.json",
        "maque.json",
        "config.json",
        "vocab.txt",
        "model.safetensors"
      })
  void oneFlippedBit(String name) throws IOException {
    Path file = model.resolve(name);
    byte[] bytes = Files.readAllBytes(file);
    for (int at : new int[] {0, bytes.length / 2, bytes.length - 2}) {
      byte[] flipped = bytes.clone();
      flipped[at] ^= 1;
      Files.write(file, flipped);
      predictFails(model.toString());
    }
    Files.write(file, bytes);
    assertEquals(0, Tiny.maque("predict", "--student", model, "cat").code());
  }

  @ParameterizedTest
  @ValueSource(strings = {"labels.txt", "config.json", "vocab.txt", "model.safetensors"})
  void aDirectoryWhereAFileShouldBe(String name) throws IOException {
    Files.delete(model.resolve(name));
    Files.createDirectory(model.resolve(name));
    predictFails(name);
  }

  private static byte[] invalidInItsSecondLine() {
    return new byte[] {'c', 'a', 't', '\n', 'd', (byte) 0xE9, '\n', 'x', '\n'};
  }

  private static void assertInvalidLine(Tiny.Outcome outcome, String name) {
    assertEquals(1, outcome.code(), outcome.err());
    assertEquals("maque predict: " + name + ":2: invalid UTF-8", outcome.errorLine());
    assertTrue(outcome.out().startsWith("cat"), "the line before it has its answer");
  }

  @Test
  void aFileThatIsNotUtf8() throws IOException {
    Path file = Files.write(folder.resolve("latin1.txt"), invalidInItsSecondLine());
    assertInvalidLine(Tiny.maque("predict", "--student", model, "--file", file), file.toString());
  }

  @Test
  void standardInputThatIsNotUtf8() {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(invalidInItsSecondLine()));
    try {
      assertInvalidLine(Tiny.maque("predict", "--student", model), "stdin");
    } finally {
      System.setIn(before);
    }
  }

  @Test
  void aDirectoryAsTheFileOfTexts() {
    assertFailure(
        Tiny.maque("predict", "--student", model, "--file", folder),
        folder + ": expected a file, found a directory");
  }

  /** The operating system's limit on the size of files; a full disk takes the same way. */
  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void aFullDiskLosesNothing() throws Exception {
    Path out = folder.resolve("large");
    List<String> words =
        new ArrayList<>(
            List.of(
                "bash",
                "-c",
                "ulimit -f 4096 && exec \"$@\"",
                "child",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:-UsePerfData",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    words.addAll(List.of(trainStudent(out, "300")));
    ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
    builder.environment().remove("JAVA_TOOL_OPTIONS"); // java says that it read them
    Process child = builder.start();
    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(1, child.waitFor(), said);
    assertEquals(1, said.strip().lines().count(), said);
    assertTrue(said.startsWith("maque train-student: " + out), said);
    assertTrue(said.contains("File too large"), said);
    assertFalse(Files.exists(out));
    assertEquals(0, Tiny.maque((Object[]) trainStudent(out, "300")).code());
    assertEquals(0, Tiny.maque("predict", "--student", out, "cat").code());
  }
}
