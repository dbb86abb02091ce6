package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calibrated probabilities, ranks and deferral: comfortable and without garbage. */
class PredictorTest {
  private static final List<String> TEXTS =
      List.of("red", "", "green blue 麻雀", "sparrow ".repeat(20), "zzz");

  @TempDir Path directory;

  private Student student(double temperature) {
    Map<String, Object> config = TinyModels.studentConfig("sequence", "max");
    config.put("calibration_temperature", temperature);
    Path path = directory.resolve("student-" + temperature);
    return Student.load(TinyModels.writer(path, config, 1).commit());
  }

  @Test
  void temperatureChangesProbabilitiesAlone() {
    try (Student cold = student(1);
        Student warm = student(2.5)) {
      assertEquals(1, cold.temperature());
      assertEquals(2.5, warm.temperature());
      for (String text : TEXTS) {
        float[] logits = warm.logits(text);
        assertArrayEquals(cold.logits(text), logits);
        Prediction prediction = warm.predict(text);
        assertEquals(cold.predict(text).index(), prediction.index());
        double sum = 0;
        for (float logit : logits) {
          sum += Math.exp(logit / 2.5);
        }
        for (int i = 0; i < logits.length; i++) {
          assertEquals(Math.exp(logits[i] / 2.5) / sum, prediction.probabilities()[i], 1e-6);
        }
        assertTrue(prediction.confidence() < cold.predict(text).confidence());
      }
    }
  }

  @Test
  void aWrongTemperatureIsRefused() {
    for (Object wrong : List.of(0, -1, 1000, "1", 1e-9)) {
      Map<String, Object> config = TinyModels.studentConfig("sequence", "max");
      config.put("calibration_temperature", wrong);
      ModelDirectory.Writer writer = TinyModels.writer(directory.resolve("wrong"), config, 1);
      String message = assertThrows(ModelFormatException.class, writer::commit).getMessage();
      assertTrue(message.startsWith("config.json: calibration_temperature: expected"), message);
    }
  }

  @Test
  void batchesAnswerAsSingleTextsDo() {
    try (Student student = student(1.5)) {
      List<Prediction> all = student.predictAll(TEXTS);
      assertEquals(TEXTS.size(), all.size());
      for (int i = 0; i < all.size(); i++) {
        Prediction one = student.predict(TEXTS.get(i));
        assertEquals(one.label(), all.get(i).label());
        assertEquals(one.index(), all.get(i).index());
        assertEquals(one.truncated(), all.get(i).truncated());
        assertArrayEquals(one.probabilities(), all.get(i).probabilities());
      }
      assertTrue(all.get(3).truncated());
      assertEquals(List.of(), student.predictAll(List.of()));
    }
  }

  @Test
  void defersBelowTheThreshold() {
    try (Student student = student(1)) {
      Student.Session session = student.session();
      float[] probabilities = new float[3];
      for (String text : TEXTS) {
        Prediction prediction = student.predict(text);
        double confidence = prediction.confidence();
        for (double threshold : new double[] {0, confidence, Math.nextUp(confidence), 1}) {
          boolean deferred = confidence < threshold;
          Decision decision = student.predictOrDefer(text, threshold);
          assertEquals(deferred, decision.deferred());
          assertEquals(prediction.label(), decision.prediction().label());
          assertEquals(
              deferred ? Predictor.Session.DEFERRED : prediction.index(),
              session.predictOrDefer(text, threshold, probabilities));
          assertArrayEquals(prediction.probabilities(), probabilities);
        }
      }
      for (double wrong : new double[] {-0.1, 1.1, Double.NaN, Double.POSITIVE_INFINITY}) {
        assertThrows(InvalidInputException.class, () -> student.predictOrDefer("", wrong));
        assertThrows(
            InvalidInputException.class, () -> session.predictOrDefer("", wrong, probabilities));
      }
    }
  }

  /** Against sorting, with many equal probabilities. */
  @Test
  void ranksLabels() {
    Random random = new Random(1);
    for (int round = 0; round < 2000; round++) {
      int n = 1 + random.nextInt(9);
      float[] probabilities = new float[n];
      for (int i = 0; i < n; i++) {
        probabilities[i] = random.nextInt(4) / 4f;
      }
      int best = 0;
      for (int i = 1; i < n; i++) {
        best = probabilities[i] > probabilities[best] ? i : best;
      }
      int[] sorted =
          IntStream.range(0, n)
              .boxed()
              .sorted((a, b) -> Float.compare(probabilities[b], probabilities[a]))
              .mapToInt(Integer::intValue)
              .toArray();
      Prediction prediction = new Prediction("x", best, probabilities, false);
      for (int k = 1; k <= n; k++) {
        assertArrayEquals(java.util.Arrays.copyOf(sorted, k), prediction.top(k));
      }
      assertThrows(InvalidInputException.class, () -> prediction.top(0));
      assertThrows(InvalidInputException.class, () -> prediction.top(n + 1));
    }
  }

  /** Different logits may round to equal probabilities: the label stays the first. */
  @Test
  void theLabelLeadsTheRanks() {
    float[] equal = {0.25f, 0.25f, 0.25f, 0.25f};
    assertArrayEquals(new int[] {2, 0, 1}, new Prediction("x", 2, equal, false).top(3));
  }

  @Test
  void sessionsRankToo() {
    try (Student student = student(1)) {
      Student.Session session = student.session();
      float[] probabilities = new float[3];
      for (String text : TEXTS) {
        int[] best = new int[2];
        int first = session.predictTop(text, probabilities, best);
        assertEquals(best[0], first);
        assertArrayEquals(student.predict(text).top(2), best);
      }
      for (int length : new int[] {0, 4}) {
        assertThrows(
            InvalidInputException.class,
            () -> session.predictTop("red", probabilities, new int[length]));
      }
      assertThrows(
          InvalidInputException.class, () -> session.predictTop("red", new float[2], new int[1]));
    }
  }

  /** Text to label, ranks and deferral, with the model and through a swappable one: 0 bytes. */
  @Test
  void sessionsAllocateNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Student student = student(1.5);
    try (SwappableStudent swappable = new SwappableStudent(student)) {
      for (Predictor.Session session : List.of(student.session(), swappable.session())) {
        assertEquals(0, allocated(threads, session));
      }
    }
  }

  private static long allocated(ThreadMXBean threads, Predictor.Session session) {
    float[] probabilities = new float[3];
    int[] best = new int[2];
    long bytes = -1;
    // The first rounds compile; now and then the compiler's own work falls into a later one.
    for (int round = 0; round < 6 && bytes != 0; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 10_000; i++) {
        String text = TEXTS.get(i % TEXTS.size());
        session.predict(text, probabilities);
        session.predictOrDefer(text, 0.5, probabilities);
        session.predictTop(text, probabilities, best);
      }
      bytes = threads.getCurrentThreadAllocatedBytes() - before;
    }
    return bytes;
  }

  @Test
  void figuresOfAModel() {
    try (Student student = student(1)) {
      assertTrue(student.loadNanos() > 0 && student.loadNanos() < 60_000_000_000L);
      assertTrue(student.nativeBytes() > 4 * student.parameters());
      assertFalse(student.predict("red").truncated());
    }
  }
}
