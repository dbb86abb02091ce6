package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import maque.runtime.Json;
import maque.runtime.Safetensors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What SIGKILL, and a disk that is full, leave behind. */
class KilledProcessTest {
  private static final int STEPS = 40;

  @TempDir Path directory;

  @BeforeEach
  void encoder() {
    TinyBert.write(directory.resolve("encoder"), false);
  }

  private Process start(int kilobytes, String what, String out) throws IOException {
    return ChildProcess.start(kilobytes, what, directory.toString(), out, Integer.toString(STEPS));
  }

  @Test
  void aKilledTeacherResumesToTheSameBytes() throws Exception {
    ChildProcess.teacher(directory, directory.resolve("whole"), STEPS, RunControl.quiet());
    killAndResume("teacher");
  }

  @Test
  void aKilledStudentResumesToTheSameBytes() throws Exception {
    ChildProcess.student(directory, directory.resolve("whole"), STEPS, RunControl.quiet());
    killAndResume("student");
  }

  private void killAndResume(String what) throws Exception {
    long reached = 0;
    long saved = 0;
    for (int step : new int[] {5, 18, 31}) {
      ChildProcess.Said said = ChildProcess.killAt(start(0, what, "killed"), step);
      assertEquals(saved + 1, ChildProcess.Said.step(said.first()), "it goes on where it was");
      reached = Math.max(reached, ChildProcess.Said.step(said.last()));
      assertFalse(Files.exists(directory.resolve("killed")), "no model before the end");
      saved = savedStep("killed");
      assertTrue(saved >= step - 2 && saved % 2 == 0, "saved " + saved + " of " + step);
    }
    assertTrue(reached >= 31);
    Path torn = torn("killed");
    ChildProcess.Said said = ChildProcess.finish(start(0, what, "killed"));
    assertEquals(saved + 1, ChildProcess.Said.step(said.first()));
    assertEquals("finished", said.last());
    assertFalse(Files.exists(torn));
    TeacherTrainingTest.assertSameFiles(directory.resolve("whole"), directory.resolve("killed"));
    assertFalse(Files.exists(directory.resolve("killed.checkpoint")));
  }

  private long savedStep(String out) {
    Path file = directory.resolve(out + ".checkpoint").resolve("state.safetensors");
    String state = Safetensors.read(file).metadata().get("state");
    return (Long) Json.parseObject(state.getBytes(StandardCharsets.UTF_8), "state").get("step");
  }

  /** What a process leaves that is killed while it writes a checkpoint. */
  private Path torn(String out) throws IOException {
    Path checkpoint = directory.resolve(out + ".checkpoint");
    // Above the kernel's bound of process ids.
    return Files.writeString(checkpoint.resolve(".state.safetensors.tmp-99999999-7"), "torn");
  }

  @Test
  void whatAKillLeftOfACheckpointIsClearedAway() throws Exception {
    ChildProcess.killAt(start(0, "head", "killed"), 5);
    Path torn = torn("killed");
    StopAt stop = new StopAt(STEPS - 1, 1);
    assertThrows(
        CancelledException.class,
        () -> ChildProcess.head(directory, directory.resolve("killed"), STEPS, stop.control()));
    assertFalse(Files.exists(torn));
    try (Stream<Path> left = Files.list(directory.resolve("killed.checkpoint"))) {
      assertEquals(
          List.of("state.safetensors"), left.map(f -> f.getFileName().toString()).toList());
    }
  }

  @Test
  void aModelThatFindsNoPlaceIsNotLost() throws Exception {
    ChildProcess.head(directory, directory.resolve("whole"), STEPS, RunControl.quiet());
    // The weights have more than 16 KiB, a checkpoint of the head has less.
    ChildProcess.Said said = ChildProcess.finish(start(16, "head", "full"));
    assertTrue(said.last().startsWith("StorageException: "), said.last());
    assertTrue(said.last().contains("File too large"), said.last());
    assertEquals(STEPS, savedStep("full"));
    assertFalse(Files.exists(directory.resolve("full")));
    assertEquals("finished", ChildProcess.finish(start(0, "head", "full")).first(), "no step more");
    TeacherTrainingTest.assertSameFiles(directory.resolve("whole"), directory.resolve("full"));
    assertFalse(Files.exists(directory.resolve("full.checkpoint")));
  }

  @Test
  void aKilledWriterLeavesWholeLogits() throws Exception {
    Path store = directory.resolve("logits");
    for (int step : new int[] {63, 639, 1279}) {
      ChildProcess.killAt(start(0, "logits", "logits"), step);
      assertWholeLogits(store, step + 1);
    }
  }

  private static void assertWholeLogits(Path path, int least) {
    try (LogitStore store = LogitStore.open(path, ChildProcess.KEY)) {
      assertTrue(store.size() >= least, store.size() + " of " + least);
      float[] out = new float[3];
      for (int i = 0; i < store.size(); i++) {
        assertTrue(store.read("text " + i, out, 0), "text " + i);
        assertArrayEquals(ChildProcess.logitsOf(i), out);
      }
    }
  }

  @Test
  void aFullDiskLeavesTheOldModel() throws Exception {
    for (String what : new String[] {"teacher", "student"}) {
      Path out = directory.resolve("old-" + what);
      if (what.equals("teacher")) {
        ChildProcess.teacher(directory, out, 3, RunControl.quiet());
      } else {
        ChildProcess.student(directory, out, 3, RunControl.quiet());
      }
      Map<String, byte[]> before = files(out);
      // The smallest checkpoint and the weights have more than 4 KiB each.
      String last = ChildProcess.finish(start(4, what, "old-" + what)).last();
      assertTrue(last.startsWith("StorageException: "), last);
      assertTrue(last.contains("File too large"), last);
      Map<String, byte[]> after = files(out);
      assertEquals(before.keySet(), after.keySet());
      before.forEach((name, bytes) -> assertArrayEquals(bytes, after.get(name), name));
    }
  }

  @Test
  void aFullDiskLeavesWholeLogits() throws Exception {
    String last = ChildProcess.finish(start(16, "logits", "full")).last();
    assertTrue(last.startsWith("StorageException: "), last);
    // 16 KiB hold some 500 records of 32 bytes after the header.
    assertWholeLogits(directory.resolve("full"), 400);
  }

  private static Map<String, byte[]> files(Path model) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> list = Files.list(model)) {
      for (Path file : list.toList()) {
        files.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    return files;
  }
}
