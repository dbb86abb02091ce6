package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
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
    for (int step : new int[] {5, 18, 31}) {
      String last = ChildProcess.killAt(start(0, what, "killed"), step);
      assertTrue(last.startsWith("step "), last);
      reached = Math.max(reached, Long.parseLong(last.substring(5)));
      assertFalse(Files.exists(directory.resolve("killed")), "no model before the end");
      assertTrue(Files.isDirectory(directory.resolve("killed.checkpoint")));
    }
    assertTrue(reached >= 31);
    assertEquals("finished", ChildProcess.finish(start(0, what, "killed")));
    TeacherTrainingTest.assertSameFiles(directory.resolve("whole"), directory.resolve("killed"));
    assertFalse(Files.exists(directory.resolve("killed.checkpoint")));
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
      String last = ChildProcess.finish(start(4, what, "old-" + what));
      assertTrue(last.startsWith("StorageException: "), last);
      assertTrue(last.contains("File too large"), last);
      Map<String, byte[]> after = files(out);
      assertEquals(before.keySet(), after.keySet());
      before.forEach((name, bytes) -> assertArrayEquals(bytes, after.get(name), name));
    }
  }

  @Test
  void aFullDiskLeavesWholeLogits() throws Exception {
    String last = ChildProcess.finish(start(16, "logits", "full"));
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
