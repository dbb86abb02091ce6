package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CascadeTest {
  @TempDir Path directory;

  private Student student;
  private Teacher teacher;
  private final List<String> texts = new ArrayList<>();

  /** Half of the texts are below. */
  private double threshold;

  @BeforeEach
  void load() {
    student = Student.load(TinyModels.student(directory.resolve("student"), "sequence", "max"));
    teacher = Teacher.load(TinyModels.teacher(directory.resolve("teacher")));
    Random random = new Random(2);
    for (int i = 0; i < 200; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(6); n > 0; n--) {
        text.append(TinyModels.WORDS.get(random.nextInt(6))).append(' ');
      }
      texts.add(text.toString());
    }
    double[] sure = texts.stream().mapToDouble(t -> student.predict(t).confidence()).toArray();
    Arrays.sort(sure);
    threshold = sure[sure.length / 2];
  }

  @AfterEach
  void close() {
    student.close();
    teacher.close();
  }

  @Test
  void asksTheTeacherWhereTheStudentIsNotSure() {
    try (Cascade cascade = Cascade.sharing(student, teacher, threshold)) {
      int deferred = 0;
      for (String text : texts) {
        Cascade.Answer answer = cascade.answer(text);
        Prediction own = student.predict(text);
        assertEquals(own.confidence() < threshold, answer.deferred());
        Prediction expected = answer.deferred() ? teacher.predict(text) : own;
        assertArrayEquals(expected.probabilities(), answer.prediction().probabilities());
        assertEquals(expected.label(), cascade.predict(text).label());
        deferred += answer.deferred() ? 1 : 0;
      }
      assertTrue(deferred > 50 && deferred <= 100, deferred + " of 200");
      assertEquals(2L * texts.size(), cascade.answered());
      assertEquals(2L * deferred, cascade.deferred());
    }
  }

  @Test
  void batchesAnswerAsSingleTextsDo() {
    try (Cascade cascade = Cascade.sharing(student, teacher, threshold)) {
      List<Cascade.Answer> answers = cascade.answerAll(texts);
      List<Prediction> predictions = cascade.predictAll(texts);
      long deferred = cascade.deferred() / 2;
      for (int i = 0; i < texts.size(); i++) {
        Cascade.Answer one = cascade.answer(texts.get(i));
        assertEquals(one.deferred(), answers.get(i).deferred());
        float[] probabilities = one.prediction().probabilities();
        assertArrayEquals(probabilities, answers.get(i).prediction().probabilities());
        assertArrayEquals(probabilities, predictions.get(i).probabilities());
      }
      assertEquals(3 * deferred, cascade.deferred());
      assertEquals(List.of(), cascade.answerAll(List.of()));
    }
  }

  @Test
  void countsOfAllThreads() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (Cascade cascade = Cascade.sharing(student, teacher, threshold)) {
      long deferred =
          texts.stream().filter(t -> student.predict(t).confidence() < threshold).count();
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        running.add(threads.submit(() -> texts.forEach(cascade::answer)));
      }
      for (Future<?> thread : running) {
        thread.get();
      }
      assertEquals(4L * texts.size(), cascade.answered());
      assertEquals(4 * deferred, cascade.deferred());
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void thresholdsAtTheEnds() {
    try (Cascade never = Cascade.sharing(student, teacher, 0);
        Cascade always = Cascade.sharing(student, teacher, 1)) {
      texts.forEach(never::answer);
      texts.forEach(always::answer);
      assertEquals(0, never.deferred());
      assertEquals(texts.size(), always.deferred());
    }
    for (double wrong : new double[] {-1, 2, Double.NaN}) {
      assertThrows(InvalidInputException.class, () -> Cascade.sharing(student, teacher, wrong));
    }
  }

  @Test
  void closesWhatItOwns() {
    Cascade sharing = Cascade.sharing(student, teacher, threshold);
    sharing.close();
    sharing.close();
    assertEquals(
        "this cascade is closed",
        assertThrows(IllegalStateException.class, () -> sharing.predict("red")).getMessage());
    student.predict("red");
    teacher.predict("red");

    Cascade owning = Cascade.owning(student, teacher, threshold);
    owning.close();
    owning.close();
    assertThrows(IllegalStateException.class, () -> owning.predictAll(texts));
    assertThrows(IllegalStateException.class, () -> student.predict("red"));
    assertThrows(IllegalStateException.class, () -> teacher.predict("red"));
  }

  @Test
  void otherLabelsAreRefusedAndNothingIsClosed() {
    Map<String, Object> config = TinyModels.studentConfig("sequence", "max");
    List<String> turned = new ArrayList<>(TinyModels.LABELS);
    java.util.Collections.reverse(turned);
    Path path = TinyModels.writer(directory.resolve("other"), config, 1).labels(turned).commit();
    try (Student other = Student.load(path)) {
      String message =
          assertThrows(InvalidInputException.class, () -> Cascade.owning(other, teacher, threshold))
              .getMessage();
      assertTrue(
          Arrays.asList(turned, TinyModels.LABELS).stream()
              .allMatch(labels -> message.contains(labels.toString())),
          message);
      other.predict("red");
      teacher.predict("red");
    }
  }
}
