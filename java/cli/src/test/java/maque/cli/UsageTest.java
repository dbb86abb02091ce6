package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UsageTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo",
        "import",
        "train-teacher",
        "soft-targets",
        "train-student",
        "average",
        "dictionary",
        "distil",
        "rebuild",
        "evaluate",
        "predict",
        "serve",
        "info"
      })
  void everyCommandHasHelpThatSaysWhatItDoes(String command) {
    PrintStream before = System.err;
    ByteArrayOutputStream warnings = new ByteArrayOutputStream();
    System.setErr(new PrintStream(warnings, true));
    Tiny.Outcome outcome;
    try {
      outcome = Tiny.maque(command, "--help");
    } finally {
      System.setErr(before);
    }
    assertEquals("", warnings.toString(), "a description's percent sign is written twice");
    assertEquals(0, outcome.code());
    assertTrue(outcome.out().startsWith("Usage: maque " + command), outcome.out());
    assertTrue(outcome.out().contains("--stacktrace"), outcome.out());
    assertEquals("", outcome.err());
  }

  @Test
  void withoutACommandTheCommandsAreListed() {
    Tiny.Outcome outcome = Tiny.maque();
    assertEquals(0, outcome.code());
    assertTrue(outcome.out().contains("train-student"), outcome.out());
    assertTrue(outcome.out().contains("Exit codes:"), outcome.out());
  }

  @Test
  void anUnknownCommandIsWrongUsage() {
    Tiny.Outcome outcome = Tiny.maque("teleport");
    assertEquals(2, outcome.code());
    assertTrue(outcome.errorLine().contains("teleport"), outcome.err());
  }

  @Test
  void anUnknownOptionIsWrongUsage() {
    Tiny.Outcome outcome = Tiny.maque("evaluate", "--modle", "x");
    assertEquals(2, outcome.code());
    assertTrue(outcome.errorLine().endsWith("(see maque evaluate --help)"), outcome.err());
  }

  @Test
  void aMissingOptionIsNamed() {
    Tiny.Outcome outcome = Tiny.maque("train-teacher", "--train", "x.json", "--out", "y");
    assertEquals(2, outcome.code());
    assertTrue(outcome.errorLine().contains("--encoder"), outcome.err());
  }

  @Test
  void importTakesOneSource() {
    Tiny.Outcome outcome = Tiny.maque("import", "bge-small-zh-v1.5", "--onnx", "x", "--out", "y");
    assertEquals(2, outcome.code());
    assertTrue(outcome.errorLine().contains("--tokenizer"), outcome.err());
  }

  @Test
  void predictNeedsAModel() {
    Tiny.Outcome outcome = Tiny.maque("predict", "text");
    assertEquals(2, outcome.code());
    assertTrue(outcome.errorLine().contains("--teacher"), outcome.err());
  }

  @Test
  void infoNamesVersionAndInstructionSet() {
    Tiny.Outcome outcome = Tiny.maque("info");
    assertEquals(0, outcome.code(), outcome.err());
    assertTrue(outcome.out().matches("(?s).*instructions +(avx512|avx2|ref)\\R.*"), outcome.out());
    assertTrue(outcome.out().matches("(?s).*products bf16 +(none|avx512bf16)\\R.*"), outcome.out());
    assertTrue(
        outcome.out().matches("(?s).*products int8 +(avx512vnni|avx512|avx2|ref)\\R.*"),
        outcome.out());
  }
}
