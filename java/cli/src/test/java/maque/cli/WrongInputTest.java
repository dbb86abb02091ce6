package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wrong input is answered by exit code 1 and one line that names the file. */
class WrongInputTest {
  @TempDir private Path folder;

  private Path encoder;

  @BeforeEach
  void importEncoder() throws IOException {
    encoder = folder.resolve("encoder");
    Tiny.Outcome outcome =
        Tiny.maque("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder);
    assertEquals(0, outcome.code(), outcome.err());
  }

  /** Trains on a file that must fail; nothing may be left behind. */
  private void trainingFails(Path train, String... expected) {
    Path out = folder.resolve("teacher");
    Tiny.Outcome outcome =
        Tiny.maque(
            "train-teacher", "--encoder", encoder, "--train", train, "--out", out, "--epochs", 1);
    assertFailure(outcome, expected);
    assertFalse(Files.exists(out));
  }

  private static void assertFailure(Tiny.Outcome outcome, String... expected) {
    assertEquals(1, outcome.code(), outcome.err());
    for (String part : expected) {
      assertTrue(outcome.errorLine().contains(part), outcome.err());
    }
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  private Path file(String name, String... lines) throws IOException {
    return Files.write(folder.resolve(name), List.of(lines));
  }

  @Test
  void aDeviceThatIsNone() throws IOException {
    Path train = Tiny.data(folder.resolve("train.jsonl"), 20, 1);
    Path out = folder.resolve("teacher");
    Object[] command = {"train-teacher", "--encoder", encoder, "--train", train, "--out", out};
    Tiny.fails(2, "device is cpu, cuda or cuda:N, not 'gpu'", with(command, "--device", "gpu"));
    Tiny.fails(1, "device = cuda", with(command, "--device", "cuda:9"));
    assertFalse(Files.exists(out));
    Tiny.fails(
        2,
        "not 'gpu'",
        "soft-targets",
        "--teacher",
        encoder,
        "--device",
        "gpu",
        "--out",
        out,
        train);
    assertTrue(Tiny.maque("info").out().contains("\ngpu  "));
  }

  private static Object[] with(Object[] args, Object... more) {
    return Stream.concat(Arrays.stream(args), Arrays.stream(more)).toArray();
  }

  @Test
  void missingFile() {
    trainingFails(folder.resolve("no.jsonl"), "no.jsonl");
  }

  @Test
  void directoryWhereAFileShouldBe() throws IOException {
    trainingFails(Files.createDirectory(folder.resolve("folder.jsonl")), "folder.jsonl");
  }

  @Test
  void emptyData() throws IOException {
    trainingFails(file("empty.jsonl"), "empty.jsonl");
  }

  @Test
  void oneClass() throws IOException {
    trainingFails(
        file("one.csv", "text,label", "cat,animal", "dog,animal", "horse,animal", "bird,animal"),
        "one class");
  }

  @Test
  void labelThatIsNotInTheList() throws IOException {
    Files.write(folder.resolve("labels.txt"), List.of("animal", "plant"));
    trainingFails(
        file("data.csv", "text,label", "cat,animal", "stone,mineral"), "data.csv", "3", "mineral");
  }

  @Test
  void brokenJson() throws IOException {
    trainingFails(
        file("broken.jsonl", "{\"text\": \"cat\", \"label\": \"animal\"}", "{\"text\": "),
        "broken.jsonl",
        "2");
  }

  @Test
  void invalidUtf8() throws IOException {
    Path file = folder.resolve("latin1.csv");
    Files.write(
        file, new byte[] {'t', 'e', 'x', 't', ',', 'l', 'a', 'b', 'e', 'l', '\n', (byte) 0xe9});
    trainingFails(file, "latin1.csv:2: ", "UTF-8");
  }

  @Test
  void wrongOptionValue() throws IOException {
    Path train = Tiny.data(folder.resolve("train.jsonl"), 20, 1);
    Tiny.Outcome outcome =
        Tiny.maque(
            "train-teacher",
            "--encoder",
            encoder,
            "--train",
            train,
            "--out",
            folder.resolve("teacher"),
            "--tune",
            "everything");
    assertEquals(2, outcome.code(), outcome.err());
    assertTrue(outcome.errorLine().contains("everything"), outcome.err());
    assertTrue(outcome.errorLine().contains("last-layers:K"), outcome.err());
  }

  @Test
  void truncatedWeights() throws IOException {
    Path weights = encoder.resolve("model.safetensors");
    try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
      file.setLength(file.length() - 100);
    }
    assertFailure(Tiny.maque("info", encoder), "model.safetensors");
  }

  @Test
  void oneFlippedBitInAnyFile() throws IOException {
    for (String name : List.of("model.safetensors", "config.json", "vocab.txt")) {
      Path file = encoder.resolve(name);
      byte[] before = Files.readAllBytes(file);
      byte[] flipped = before.clone();
      flipped[flipped.length / 2] ^= 1;
      Files.write(file, flipped);
      assertFailure(Tiny.maque("info", encoder), name);
      Files.write(file, before);
    }
    assertEquals(0, Tiny.maque("info", encoder).code());
  }

  @Test
  void aTextFileInTheModelsPlace() throws IOException {
    assertFailure(Tiny.maque("predict", "--student", file("model.txt", "x"), "cat"), "model.txt");
  }

  @Test
  void anEncoderIsNoClassifier() {
    assertFailure(Tiny.maque("predict", "--teacher", encoder, "cat"), "head");
  }

  @Test
  void anUnknownModelName() {
    assertFailure(
        Tiny.maque("import", "bert-huge", "--out", folder.resolve("x")),
        "bert-huge",
        "all-minilm-l6-v2");
  }

  @Test
  void aStackTraceOnRequest() {
    Tiny.Outcome outcome = Tiny.maque("info", folder.resolve("nowhere").toString(), "--stacktrace");
    assertEquals(1, outcome.code());
    assertTrue(outcome.err().contains("\tat maque."), outcome.err());
  }
}
