package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StudentTest {
  @TempDir Path directory;

  private Path sequence() {
    return TinyModels.student(directory.resolve("student"), "sequence", "mean");
  }

  private Path make(String kind) {
    String pooling = kind.equals("document") ? null : kind;
    return TinyModels.student(
        directory.resolve(kind), pooling == null ? "document" : "sequence", pooling);
  }

  @ParameterizedTest
  @ValueSource(strings = {"document", "max-logits", "max", "mean", "last"})
  void computesWhatPlainLoopsCompute(String kind) {
    Path path = make(kind);
    ModelDirectory files = ModelDirectory.read(path);
    try (Student student = Student.load(path)) {
      for (int[] ids : new int[][] {{}, {1}, {5, 1}, {1, 2, 3, 4, 5, 1, 1, 0}}) {
        double[] expected = TinyModels.logits(files, ids);
        float[] found = student.logitsOfIds(ids, new int[] {0, ids.length}, 1)[0];
        for (int i = 0; i < expected.length; i++) {
          assertEquals(expected[i], found[i], 1e-5);
        }
      }
      String text = "red sparrow";
      float[] logits = student.logits(text);
      assertArrayEquals(student.logitsOfIds(new int[] {1, 5}, new int[] {0, 2}, 1)[0], logits);
      Prediction prediction = student.predict(text);
      double sum = 0;
      for (int i = 0; i < logits.length; i++) {
        assertTrue(logits[i] <= logits[prediction.index()]);
        sum += prediction.probabilities()[i];
      }
      assertEquals(1, sum, 1e-6);
      assertEquals(TinyModels.LABELS.get(prediction.index()), prediction.label());
      assertFalse(prediction.truncated());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"document", "max-logits", "max", "mean", "last"})
  void everyTextHasAnAnswer(String kind) {
    try (Student student = Student.load(make(kind))) {
      assertEquals(3, student.predict("").probabilities().length);
      assertFalse(student.predict("").truncated());
      assertEquals(3, student.predict("zzz \ud800 \udc00x").probabilities().length);
      Prediction cut = student.predict("red ".repeat(25_000));
      assertTrue(cut.truncated());
      assertArrayEquals(student.predict("red ".repeat(16)).probabilities(), cut.probabilities());
    }
  }

  /** A text's bits do not depend on the texts around it, nor on the way they are given. */
  @Test
  void batchesGiveTheBitsOfSingleTexts() {
    try (Student student = Student.load(sequence())) {
      Random random = new Random(1);
      List<String> texts = new ArrayList<>();
      for (int i = 0; i < 500; i++) {
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(20); n > 0; n--) {
          text.append(TinyModels.WORDS.get(random.nextInt(6))).append(' ');
        }
        texts.add(text.toString());
      }
      float[][] batch = student.logits(texts);
      Student.Session session = student.session();
      float[] probabilities = new float[3];
      for (int i = 0; i < texts.size(); i++) {
        assertArrayEquals(student.logits(texts.get(i)), batch[i]);
        int label = session.predict(texts.get(i), probabilities);
        Prediction prediction = student.predict(texts.get(i));
        assertEquals(prediction.index(), label);
        assertArrayEquals(prediction.probabilities(), probabilities);
        assertEquals(prediction.truncated(), session.truncated());
      }
      assertEquals(0, student.logits(List.of()).length);
    }
  }

  @Test
  void aSessionAllocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Student student = Student.load(sequence())) {
      Student.Session session = student.session();
      float[] probabilities = new float[3];
      String text = "red green sparrow 麻雀 unknown";
      for (int i = 0; i < 20_000; i++) {
        session.predict(text, probabilities);
      }
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 10_000; i++) {
        session.predict(text, probabilities);
      }
      long bytes = threads.getCurrentThreadAllocatedBytes() - before;
      assertTrue(bytes < 10_000, bytes + " bytes in 10,000 predictions");
      assertThrows(InvalidInputException.class, () -> session.predict(text, new float[2]));
    }
  }

  @Test
  void refusesBadIds() {
    try (Student student = Student.load(sequence())) {
      int[][][] bad = {
        {{6}, {0, 1}},
        {{-1}, {0, 1}},
        {{1}, {0, 2}},
        {{1}, {1, 1}},
        {{1}, {0}},
        {{1}, {0, -1}},
        {{Integer.MAX_VALUE}, {0, 1}},
      };
      for (int[][] call : bad) {
        assertThrows(InvalidInputException.class, () -> student.logitsOfIds(call[0], call[1], 1));
      }
      assertThrows(
          InvalidInputException.class, () -> student.logitsOfIds(new int[0], new int[] {0}, -1));
      assertEquals(0, student.logitsOfIds(new int[0], new int[] {0}, 0).length);
    }
  }

  @Test
  void useAfterCloseIsAnError() {
    Student student = Student.load(sequence());
    Student.Session session = student.session();
    assertTrue(student.nativeBytes() > 0);
    assertEquals(
        6 * 3 + 2 * (20 * 3 + 20 * 5 + 20 + 20) + 4 * 10 + 4 + 3 * 4 + 3, student.parameters());
    student.close();
    student.close();
    assertThrows(IllegalStateException.class, () -> student.predict("red"));
    assertThrows(IllegalStateException.class, () -> student.logits(List.of("red")));
    assertThrows(IllegalStateException.class, student::nativeBytes);
    assertThrows(IllegalStateException.class, () -> session.predict("red", new float[3]));
    assertEquals(TinyModels.LABELS, student.labels());
  }

  @Test
  void closingWhileOthersPredictIsSafe() throws Exception {
    Path path = sequence();
    ClosingRace.run(50, () -> Student.load(path), "red green", "this student is closed");
  }

  /** The gauge of all models, which frees what was forgotten. */
  @Test
  void aForgottenStudentsMemoryIsFreed() throws Exception {
    ModelDirectory files = ModelDirectory.read(sequence());
    long before = settledBytes(0);
    Student kept = Student.of(files);
    assertEquals(before + kept.nativeBytes(), Maque.nativeBytes());
    for (int i = 0; i < 20; i++) {
      Student.of(files).predict("red");
    }
    assertEquals(before + kept.nativeBytes(), settledBytes(before + kept.nativeBytes()));
    kept.predict("red");
    kept.close();
    assertEquals(before, settledBytes(before));
  }

  /** The gauge once it has come down to so many bytes, or after a while. */
  private static long settledBytes(long expected) throws InterruptedException {
    long end = System.nanoTime() + 20_000_000_000L;
    while (Maque.nativeBytes() > expected && System.nanoTime() < end) {
      System.gc();
      Thread.sleep(20);
    }
    return Maque.nativeBytes();
  }

  @Test
  void aTeachersDirectoryIsNoStudent() {
    Path path = TinyModels.teacher(directory.resolve("teacher"));
    String message =
        assertThrows(ModelFormatException.class, () -> Student.load(path)).getMessage();
    assertTrue(message.contains(path.toString()) && message.contains("Teacher.load"), message);
  }
}
