package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The demo on real weights and real text, with so few texts that it takes seconds. Artifacts come
 * by Maven, as they do for a user.
 */
class DemoTest {
  @TempDir private Path folder;

  @Test
  void runsReportsAndIsNotDoneTwice() throws IOException {
    Path out = folder.resolve("demo");
    Tiny.Outcome first = Tiny.maque("demo", "--tiny", "--out", out);
    assertEquals(0, first.code(), first.err());
    String verdict = first.out().lines().findFirst().orElseThrow();
    assertTrue(verdict.contains("istillation"), verdict);
    assertEquals(7, first.out().lines().filter(line -> line.contains("weighted avg")).count());
    assertTrue(first.out().contains("running time: "), first.out());
    String page = Files.readString(out.resolve("report.html"));
    assertTrue(page.contains("distilled sequence student"), page);
    assertFalse(page.contains("src=\"http"), "the report must need nothing else");
    assertTrue(Files.readString(out.resolve("result.svg")).startsWith("<svg"));

    Path weights = out.resolve("teacher").resolve("model.safetensors");
    Object before = Files.getLastModifiedTime(weights);
    Tiny.Outcome second = Tiny.maque("demo", "--tiny", "--out", out);
    assertEquals(0, second.code(), second.err());
    assertEquals(before, Files.getLastModifiedTime(weights));

    String next =
        first.out().lines().filter(line -> line.startsWith("try it: ")).findFirst().orElseThrow();
    List<String> words = List.of(next.split(" "));
    Tiny.Outcome answer =
        Tiny.maque(
            "predict",
            "--teacher",
            words.get(words.indexOf("--teacher") + 1),
            "--student",
            words.get(words.indexOf("--student") + 1),
            "a small bird that sings at dawn");
    assertEquals(0, answer.code(), answer.err());
    assertEquals(3, answer.out().lines().count());
  }

  @Test
  void fewerAndMoreGlossesAtOnceAreWrongUsage() {
    Tiny.Outcome outcome = Tiny.maque("demo", "--quick", "--all-glosses");
    assertEquals(2, outcome.code());
    assertTrue(outcome.errorLine().contains("contradict"), outcome.err());
  }
}
