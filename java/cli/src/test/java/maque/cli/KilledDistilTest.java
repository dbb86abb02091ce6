package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import maque.runtime.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * An experiment that is killed (SIGKILL) inside its trainings, while texts are scored, and at the
 * end goes on with the same command each time, and gives the bytes of one that nothing happened to.
 */
class KilledDistilTest {
  @TempDir private Path folder;

  @Test
  @Timeout(value = 10, unit = TimeUnit.MINUTES)
  void killedAnywhereItEndsTheSame() throws Exception {
    Path encoder = folder.resolve("encoder");
    assertEquals(
        0, Tiny.maque("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder).code());
    Tiny.data(folder.resolve("train.jsonl"), 200, 1);
    Tiny.data(folder.resolve("dev.jsonl"), 40, 2);
    Tiny.data(folder.resolve("test.jsonl"), 40, 3);
    Tiny.lines(folder.resolve("more.txt"), 2_000, 4);
    Tiny.lines(folder.resolve("first.txt"), 100, 5);
    Path killed = folder.resolve("killed");

    run(killed, " *train-teacher: 2\\d of .*");
    assertFalse(Files.exists(killed.resolve("teacher")));
    assertTrue(Files.exists(killed.resolve("teacher.checkpoint")));
    String resumed = run(killed, ".*teacher-without-1: .*steps in.*");
    assertTrue(Pattern.compile("resumed at step \\d+ of").matcher(resumed).find(), resumed);
    assertTrue(Files.exists(killed.resolve("teacher")));
    run(killed, " *soft-targets: .* of .*");
    run(killed, " *train-student: 2\\d of .*");
    run(killed, ".*distilled-first-seed1: .*steps in.*");
    assertTrue(Files.exists(killed.resolve("students").resolve("distilled-first-seed1")));
    String next = run(killed, "chosen; now the models meet the test texts.*");
    assertTrue(next.contains("folds/teacher-without-2: complete already"), next);
    assertTrue(next.contains("soft-targets: complete already"), next);
    assertFalse(next.contains("first-seed1: "), next);
    assertTrue(next.contains("(goes on from students/distilled-first-seed1)"), next);
    assertFalse(Files.exists(killed.resolve("student")));
    run(killed, null);

    Path straight = folder.resolve("straight");
    assertEquals(0, Tiny.maque(command(straight).toArray()).code());
    List<Path> models = models(straight);
    assertEquals(models, models(killed));
    for (Path model : models) {
      for (String file : List.of("maque.json", "training.json", "model.safetensors")) {
        Path name = model.resolve(file);
        assertEquals(
            -1, Files.mismatch(straight.resolve(name), killed.resolve(name)), name.toString());
      }
    }
    assertEquals(verdict(straight), verdict(killed));
  }

  private static Object verdict(Path run) {
    return Json.readObject(run.resolve("summary.json")).get("verdict_text");
  }

  private static List<Path> models(Path run) throws IOException {
    try (Stream<Path> files = Files.walk(run)) {
      return files
          .filter(file -> file.endsWith("maque.json"))
          .map(file -> run.relativize(file.getParent()))
          .sorted()
          .toList();
    }
  }

  private List<String> command(Path out) {
    List<String> words = new ArrayList<>(List.of("distil", "--verbose", "--threads", "1"));
    words.addAll(List.of("--encoder", folder.resolve("encoder").toString(), "--folds", "2"));
    words.addAll(List.of("--teacher-options", "--epochs 20 --lr 3e-3"));
    for (String file : List.of("train", "dev", "test")) {
      words.addAll(List.of("--" + file, folder.resolve(file + ".jsonl").toString()));
    }
    words.addAll(List.of("--unlabelled", folder.resolve("more.txt").toString()));
    words.addAll(List.of("--first-unlabelled", folder.resolve("first.txt").toString()));
    words.addAll(List.of("--embedding-size", "8", "--hidden-size", "4", "--head", "4"));
    words.addAll(List.of("--ngrams", "none", "--epochs", "2"));
    words.addAll(List.of("--alone", "--kind bag --ngram-buckets 64 --ngram-width 4 --epochs 1"));
    words.addAll(List.of("--out", out.toString()));
    return words;
  }

  /**
   * Starts the command in its own process and kills it at the first line of a form.
   *
   * @param at null: it is left to end
   * @return what it said
   */
  private String run(Path out, String at) throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "-Dmaque.progress.seconds=0",
                "-Dmaque.checkpoint.batches=5",
                Main.class.getName()));
    words.addAll(command(out));
    Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
    StringBuilder said = new StringBuilder();
    boolean met = false;
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null && !met; line = lines.readLine()) {
        said.append(line).append('\n');
        met = at != null && line.matches(at);
      }
      if (met) {
        process.destroyForcibly();
      }
      int code = process.waitFor();
      assertEquals(at != null, met, "it never said " + at + ":\n" + said);
      assertTrue(met || code == 0, said.toString());
      return said.toString();
    } finally {
      process.destroyForcibly();
    }
  }
}
