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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ctrl-C in the middle of a training leaves a checkpoint, and the same command ends as if nothing
 * had happened.
 */
class InterruptTest {
  private static final long EPOCHS = 60;
  private static final Pattern RESUMED = Pattern.compile("resumed at step ([\\d,]+) of [\\d,]+");

  @TempDir private Path folder;

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void interruptedAndResumedEqualsUninterrupted() throws Exception {
    Path encoder = folder.resolve("encoder");
    assertEquals(
        0, Tiny.maque("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder).code());
    Path train = Tiny.data(folder.resolve("train.jsonl"), 400, 1);
    Path interrupted = folder.resolve("interrupted");
    List<String> command = command(encoder, train, interrupted);

    String said = interrupt(command, folder.resolve("interrupted.checkpoint"));

    assertTrue(said.contains("interrupted: "), said);
    assertTrue(said.contains("to go on: maque train-teacher --encoder "), said);
    assertFalse(Files.exists(interrupted));
    List<String> again = new ArrayList<>(command);
    again.add("--verbose");
    Tiny.Outcome resumed = Tiny.maque(again.toArray());
    assertEquals(0, resumed.code(), resumed.err());
    Matcher step = RESUMED.matcher(resumed.err());
    assertTrue(step.find(), "it began from scratch: " + resumed.err());
    assertTrue(Integer.parseInt(step.group(1).replace(",", "")) > 0, step.group());
    Path straight = folder.resolve("straight");
    assertEquals(0, Tiny.maque(command(encoder, train, straight).toArray()).code());
    for (String name : List.of("model.safetensors", "training.json")) {
      assertEquals(-1, Files.mismatch(interrupted.resolve(name), straight.resolve(name)), name);
    }
  }

  private static List<String> command(Path encoder, Path train, Path out) {
    return List.of(
        "train-teacher",
        "--encoder",
        encoder.toString(),
        "--train",
        train.toString(),
        "--out",
        out.toString(),
        "--epochs",
        Long.toString(EPOCHS),
        "--threads",
        "1");
  }

  /**
   * Starts the command in its own process, sends SIGINT once it trains, and returns what it said.
   */
  private static String interrupt(List<String> command, Path checkpoint) throws Exception {
    List<String> words =
        new ArrayList<>(
            List.of(
                "env",
                "--default-signal=INT", // a shell ignores SIGINT in what it runs in the background
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "-Dmaque.progress.seconds=0",
                Main.class.getName()));
    words.addAll(command);
    Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      String line = lines.readLine();
      while (line != null && !line.contains("train-teacher: ")) {
        line = lines.readLine();
      }
      assertTrue(line != null, "it ended before it trained");
      signal(process);
      String rest = lines.lines().collect(Collectors.joining("\n"));
      assertEquals(Work.INTERRUPTED, process.waitFor(), rest);
      assertTrue(Files.isDirectory(checkpoint), rest);
      return rest;
    } finally {
      process.destroyForcibly();
    }
  }

  private static void signal(Process process) throws IOException, InterruptedException {
    assertEquals(
        0, new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor());
  }
}
