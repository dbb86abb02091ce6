package maque.training;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import maque.runtime.MaqueException;

/** Starts this class's {@link #main} in a JVM of its own, to be killed or starved of disk. */
final class ChildProcess {
  private ChildProcess() {}

  static final DataSet TRAIN = TinyBert.data("train", 120, 1);
  static final DataSet DEV = TinyBert.data("dev", 40, 2);

  /**
   * Runs {@code teacher|student|head|logits DIRECTORY OUT STEPS}, saying each step on its output.
   */
  public static void main(String[] args) throws InterruptedException {
    Path directory = Path.of(args[1]);
    Path out = directory.resolve(args[2]);
    RunControl control =
        new RunControl(ChildProcess::say, new CancellationToken(), 1).withCheckpoints(2, 0);
    try {
      switch (args[0]) {
        case "teacher" -> teacher(directory, out, Integer.parseInt(args[3]), control);
        case "head" -> head(directory, out, Integer.parseInt(args[3]), control);
        case "student" -> student(directory, out, Integer.parseInt(args[3]), control);
        default -> logits(out);
      }
      System.out.println("finished");
    } catch (MaqueException e) {
      System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
    }
  }

  private static void say(ProgressListener.Progress progress) {
    System.out.println("step " + progress.done());
    try {
      Thread.sleep(5); // so that a kill meets the middle of a run
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  static void teacher(Path directory, Path out, int steps, RunControl control) {
    TeacherTraining.run(
        new TeacherTraining.Inputs(directory.resolve("encoder"), TRAIN, DEV, out),
        TinyBert.teacher().train("last-layers:1").maxSteps(steps),
        control);
  }

  /** A teacher whose checkpoint is small beside its model. */
  static void head(Path directory, Path out, int steps, RunControl control) {
    TeacherTraining.run(
        new TeacherTraining.Inputs(directory.resolve("encoder"), TRAIN, DEV, out),
        TinyBert.teacher().train("head").maxSteps(steps),
        control);
  }

  static void student(Path directory, Path out, int steps, RunControl control) {
    StudentTraining.run(
        StudentTraining.Inputs.labelled(TRAIN, DEV, out).withTeacher(directory.resolve("encoder")),
        StudentTrainingTest.sequence().maxSteps(steps).evaluateEvery(4),
        control);
  }

  static final TeacherKey KEY = new TeacherKey("t", "v", 16, TinyBert.CLASSES);

  static float[] logitsOf(int i) {
    return new float[] {i, 2 * i, -i};
  }

  private static void logits(Path out) {
    try (LogitStore store = LogitStore.openForWriting(out, KEY)) {
      for (int i = 0; i < 100_000; i++) {
        store.append("text " + i, logitsOf(i));
        if (i % 64 == 63) {
          store.flush();
          System.out.println("step " + i);
        }
      }
    }
  }

  /**
   * Starts a child.
   *
   * @param kilobytes bound of any file that it writes; 0 for none
   */
  static Process start(int kilobytes, String... args) throws IOException {
    List<String> command = new ArrayList<>();
    if (kilobytes > 0) {
      command.addAll(List.of("bash", "-c", "ulimit -f " + kilobytes + "; exec \"$@\"", "child"));
    }
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:-UsePerfData",
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            ChildProcess.class.getName()));
    command.addAll(List.of(args));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
  }

  /** What a child said first and last. */
  record Said(String first, String last) {
    static long step(String line) {
      if (!line.startsWith("step ")) {
        throw new AssertionError("no step: " + line);
      }
      return Long.parseLong(line.substring(5));
    }
  }

  /** Reads until a step is reached, then kills with SIGKILL. */
  static Said killAt(Process child, long step) throws IOException, InterruptedException {
    String first = null;
    String last = "";
    try (BufferedReader lines = reader(child)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        first = first == null ? line : first;
        last = line;
        if (line.startsWith("step ") && Said.step(line) >= step) {
          child.destroyForcibly();
          break;
        }
      }
    }
    child.destroyForcibly().waitFor();
    return new Said(first == null ? "" : first, last);
  }

  /** Waits for the end. */
  static Said finish(Process child) throws IOException, InterruptedException {
    return killAt(child, Long.MAX_VALUE);
  }

  private static BufferedReader reader(Process child) {
    return new BufferedReader(
        new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8));
  }
}
