package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SwappableStudentTest {
  private static final int READERS = 4;
  private static final int SWAPS = 200;
  private static final List<String> TEXTS =
      List.of("red", "green blue 麻雀", "", "sparrow red", "blue ".repeat(9));

  @TempDir Path directory;

  /** Two models of different weights and scratch, and what each answers. */
  private final List<ModelDirectory> models = new ArrayList<>();

  private final List<List<float[]>> answers = new ArrayList<>();

  @BeforeEach
  void make() {
    for (String kind : List.of("sequence", "document")) {
      Path path = directory.resolve(kind);
      String pooling = kind.equals("document") ? null : "max";
      models.add(
          ModelDirectory.read(
              TinyModels.writer(path, TinyModels.studentConfig(kind, pooling), models.size())
                  .commit()));
      try (Student student = Student.of(models.get(models.size() - 1))) {
        answers.add(TEXTS.stream().map(t -> student.predict(t).probabilities()).toList());
      }
    }
  }

  /** Which model gave these probabilities; fails where it was neither. */
  private int model(int text, float[] probabilities) {
    for (int m = 0; m < models.size(); m++) {
      if (Arrays.equals(answers.get(m).get(text), probabilities)) {
        return m;
      }
    }
    throw new AssertionError(TEXTS.get(text) + ": " + Arrays.toString(probabilities));
  }

  /** Asks in all ways until told to stop; each answer, a batch too, is one model's. */
  private void read(SwappableStudent student, AtomicBoolean stop, AtomicLong asked) {
    Predictor.Session session = student.session();
    float[] probabilities = new float[3];
    while (!stop.get()) {
      for (int i = 0; i < TEXTS.size(); i++) {
        model(i, student.predict(TEXTS.get(i)).probabilities());
        int best = session.predict(TEXTS.get(i), probabilities);
        List<Float> all = List.of(probabilities[0], probabilities[1], probabilities[2]);
        assertEquals(all.indexOf(java.util.Collections.max(all)), best);
        model(i, probabilities);
      }
      List<Prediction> batch = student.predictAll(TEXTS);
      int first = model(0, batch.get(0).probabilities());
      for (int i = 1; i < batch.size(); i++) {
        assertEquals(first, model(i, batch.get(i).probabilities()));
      }
      asked.incrementAndGet();
    }
  }

  @Test
  void noAnswerFailsOrIsMixedUnderSwaps() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(READERS);
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong asked = new AtomicLong();
    List<Student> put = new ArrayList<>(List.of(Student.of(models.get(0))));
    try (SwappableStudent student = new SwappableStudent(put.get(0))) {
      List<Future<?>> readers = new ArrayList<>();
      for (int i = 0; i < READERS; i++) {
        readers.add(threads.submit(() -> read(student, stop, asked)));
      }
      for (int i = 1; i <= SWAPS; i++) {
        long seen = asked.get();
        put.add(Student.of(models.get(i % 2)));
        student.swap(put.get(i));
        assertSame(put.get(i), student.current());
        while (asked.get() == seen && readers.stream().noneMatch(Future::isDone)) {
          Thread.onSpinWait();
        }
      }
      stop.set(true);
      for (Future<?> reader : readers) {
        reader.get();
      }
      assertTrue(asked.get() >= SWAPS);
      for (Student old : put.subList(0, SWAPS)) {
        assertThrows(IllegalStateException.class, old::requireOpen);
      }
      put.get(SWAPS).requireOpen();
    } finally {
      stop.set(true);
      threads.shutdownNow();
    }
    assertThrows(IllegalStateException.class, put.get(SWAPS)::requireOpen);
  }

  @Test
  void aSwapThatIsRefusedChangesNothing() {
    Student first = Student.of(models.get(0));
    try (SwappableStudent student = new SwappableStudent(first)) {
      Path other =
          TinyModels.writer(
                  directory.resolve("other"), TinyModels.studentConfig("sequence", "max"), 1)
              .labels(List.of("a", "b", "c"))
              .commit();
      try (Student wrong = Student.load(other)) {
        String message =
            assertThrows(InvalidInputException.class, () -> student.swap(wrong)).getMessage();
        assertTrue(message.contains(wrong.labels().toString()), message);
        wrong.requireOpen();
      }
      assertThrows(InvalidInputException.class, () -> student.swap(first));
      Student closed = Student.of(models.get(1));
      closed.close();
      assertThrows(IllegalStateException.class, () -> student.swap(closed));
      assertSame(first, student.current());
      assertArrayEquals(answers.get(0).get(0), student.predict(TEXTS.get(0)).probabilities());
    }
  }

  @Test
  void useAfterCloseIsAnError() {
    SwappableStudent student = new SwappableStudent(Student.of(models.get(0)));
    Predictor.Session session = student.session();
    session.predict("red", new float[3]);
    student.close();
    student.close();
    assertThrows(IllegalStateException.class, () -> student.predict("red"));
    assertThrows(IllegalStateException.class, () -> student.predictAll(TEXTS));
    assertThrows(IllegalStateException.class, () -> session.predict("red", new float[3]));
    assertThrows(IllegalStateException.class, student::current);
    try (Student next = Student.of(models.get(1))) {
      assertThrows(IllegalStateException.class, () -> student.swap(next));
      next.requireOpen();
    }
    assertEquals(TinyModels.LABELS, student.labels());
  }

  /** Where somebody else closes the student in place, that is told, not retried for ever. */
  @Test
  void aStudentClosedByOthersIsAnError() {
    Student first = Student.of(models.get(0));
    try (SwappableStudent student = new SwappableStudent(first)) {
      first.close();
      assertThrows(IllegalStateException.class, () -> student.predict("red"));
      student.swap(Student.of(models.get(1)));
      assertArrayEquals(answers.get(1).get(0), student.predict("red").probabilities());
    }
  }
}
