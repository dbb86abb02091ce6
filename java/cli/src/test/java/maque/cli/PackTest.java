package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import maque.runtime.ModelDirectory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackTest {
  @TempDir private static Path folder;
  private static Path data;
  private static Path student;

  @BeforeAll
  static void train() throws IOException {
    data = Tiny.data(folder.resolve("data.jsonl"), 80, 1);
    student = Tiny.student(data, folder.resolve("student"));
  }

  /** A packed model, and one that was trained without dev, get their temperature afterwards. */
  @Test
  void calibratesWhatIsTrainedAlready() throws IOException {
    Path packed = folder.resolve("raw.maque");
    assertEquals(0, Tiny.maque("pack", student, "--precision", "int8", "--out", packed).code());
    Path noisy = Tiny.data(folder.resolve("noisy.jsonl"), 60, 4);
    String flipped = Files.readString(noisy).replaceFirst("plant", "animal");
    Files.writeString(noisy, flipped);
    for (Path model : new Path[] {student, packed}) {
      Path out = folder.resolve("calibrated-" + model.getFileName());
      Tiny.Outcome outcome = Tiny.maque("calibrate", model, "--data", noisy, "--out", out);
      assertEquals(0, outcome.code(), outcome.err());
      ModelDirectory before = ModelDirectory.read(model);
      ModelDirectory after = ModelDirectory.read(out);
      assertEquals(Files.isDirectory(model), Files.isDirectory(out));
      assertTrue(outcome.out().contains("temperature " + after.temperature()), outcome.out());
      assertTrue(after.temperature() != before.temperature());
      assertEquals(before.nativeTensors().keySet(), after.nativeTensors().keySet());
      assertTrue(after.training().get("calibration").toString().contains("noisy.jsonl"));
      Tiny.fails(1, "exists already", "calibrate", model, "--data", noisy, "--out", out);
    }
  }

  @Test
  void makesADirectoryOrAFileAndSaysItsSize() throws IOException {
    Path file = folder.resolve("packed.maque");
    Tiny.Outcome outcome = Tiny.maque("pack", student, "--precision", "int8", "--out", file);
    assertEquals(0, outcome.code(), outcome.err());
    assertTrue(outcome.out().contains("packed.maque: int8, folded; "), outcome.out());
    assertTrue(Files.isRegularFile(file));
    assertEquals("int8", ModelDirectory.read(file).precision());
    assertTrue(Tiny.maque("info", file).out().contains("precision"));

    Path directory = folder.resolve("packed");
    outcome =
        Tiny.maque("pack", student, "--precision", "bf16", "--fold", "no", "--out", directory);
    assertEquals(0, outcome.code(), outcome.err());
    assertTrue(outcome.out().contains("bf16, not folded"), outcome.out());
    assertTrue(Files.exists(directory.resolve("maque.json")));
    assertFalse(ModelDirectory.read(directory).tensors().containsKey("gates.weight"));
  }

  @Test
  void keepsTheRowsOfTextsGiven() throws IOException {
    Path texts = Files.writeString(folder.resolve("texts.txt"), "the cat\n");
    Path out = folder.resolve("used.maque");
    Tiny.Outcome outcome =
        Tiny.maque(
            "pack",
            student,
            "--precision",
            "fp32",
            "--ids",
            "used",
            "--texts",
            texts,
            "--out",
            out);
    assertEquals(0, outcome.code(), outcome.err());
    assertEquals(3, ModelDirectory.read(out).tensors().get("gates.weight").shape()[0]);
  }

  @Test
  void comparesBothFormsOnLabelledTexts() {
    Path out = folder.resolve("compared.maque");
    Tiny.Outcome outcome =
        Tiny.maque("pack", student, "--precision", "int8", "--data", data, "--out", out);
    assertEquals(0, outcome.code(), outcome.err());
    assertTrue(outcome.out().contains(student.toString()), outcome.out());
    assertTrue(outcome.out().contains("the same label on 100.00 % of 80 texts"), outcome.out());
  }

  @Test
  void packsABagOfNGrams() {
    Path bag = folder.resolve("bag");
    Tiny.Outcome outcome =
        Tiny.maque(
            "train-student",
            "--train",
            data,
            "--out",
            bag,
            "--kind",
            "bag",
            "--ngram-buckets",
            1024,
            "--ngram-width",
            12,
            "--epochs",
            6,
            "--lr",
            "1e-2");
    assertEquals(0, outcome.code(), outcome.err());
    for (String precision : new String[] {"fp32", "bf16", "int8"}) {
      Path out = folder.resolve("bag-" + precision + ".maque");
      outcome = Tiny.maque("pack", bag, "--precision", precision, "--data", data, "--out", out);
      assertEquals(0, outcome.code(), outcome.err());
      assertTrue(outcome.out().contains(precision + ", not folded"), outcome.out());
      assertTrue(outcome.out().contains("the same label on 100.00 % of 80 texts"), outcome.out());
    }
    Path out = folder.resolve("bag-folded.maque");
    Tiny.fails(
        1,
        "a bag has no table of tokens",
        "pack",
        bag,
        "--precision",
        "int8",
        "--fold",
        "yes",
        "--out",
        out);
  }

  @Test
  void saysWhatIsWrong() throws IOException {
    Path out = folder.resolve("wrong.maque");
    Tiny.fails(2, "--precision", "pack", student, "--out", out);
    Tiny.fails(2, "fp32, bf16 or int8", "pack", student, "--precision", "int4", "--out", out);
    Tiny.fails(
        2, "auto, yes or no", "pack", student, "--precision", "int8", "--fold", "x", "--out", out);
    Tiny.fails(
        2, "go together", "pack", student, "--precision", "int8", "--ids", "used", "--out", out);
    Tiny.fails(
        2, "go together", "pack", student, "--precision", "int8", "--texts", data, "--out", out);
    Tiny.fails(
        2,
        "--max-size needs --fold auto",
        "pack",
        student,
        "--precision",
        "int8",
        "--fold",
        "yes",
        "--max-size",
        1,
        "--out",
        out);
    Tiny.fails(1, "exists already", "pack", student, "--precision", "int8", "--out", data);
    Tiny.fails(
        1,
        "expected a model, found none",
        "pack",
        folder.resolve("none"),
        "--precision",
        "int8",
        "--out",
        out);
    assertFalse(Files.exists(out));

    Path packed = folder.resolve("once.maque");
    assertEquals(0, Tiny.maque("pack", student, "--precision", "int8", "--out", packed).code());
    Tiny.fails(1, "is packed already (int8)", "pack", packed, "--precision", "int8", "--out", out);
  }
}
