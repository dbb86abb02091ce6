package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExportTest {
  @TempDir private static Path folder;
  private static Path data;
  private static Path student;

  @BeforeAll
  static void train() throws IOException {
    data = Tiny.data(folder.resolve("data.jsonl"), 120, 1);
    student = Tiny.student(data, folder.resolve("student"));
  }

  @Test
  void writesTheModelAndTheFirstHundredTexts() throws IOException {
    Path out = folder.resolve("student.onnx");
    Tiny.Outcome outcome = Tiny.maque("export", student, "--onnx", out, "--sample", data);
    assertEquals(0, outcome.code(), outcome.err());
    assertTrue(Files.size(out) > 1000, outcome.out());
    Path sample = folder.resolve("student.onnx.sample.jsonl");
    assertTrue(outcome.out().contains(sample + ": 100 texts"), outcome.out());
    assertEquals(100, Files.readAllLines(sample).size());
  }

  @Test
  void saysWhatIsWrong() throws IOException {
    Path there = Files.writeString(folder.resolve("there.onnx"), "mine");
    Tiny.fails(1, "there.onnx exists already", "export", student, "--onnx", there);
    assertEquals("mine", Files.readString(there));
    Path out = folder.resolve("other.onnx");
    Path packed = folder.resolve("packed.maque");
    Tiny.maque("pack", student, "--precision", "int8", "--out", packed);
    Tiny.fails(1, "export the model that it was packed from", "export", packed, "--onnx", out);
    Tiny.fails(
        1, "none.json", "export", student, "--onnx", out, "--sample", folder.resolve("none.json"));
    assertFalse(Files.exists(out));
  }
}
