package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlightRecorderTest {
  @TempDir Path directory;

  private Map<String, List<RecordedEvent>> byName(Path recording) throws Exception {
    return RecordingFile.readAllEvents(recording).stream()
        .filter(event -> event.getEventType().getName().startsWith("maque."))
        .collect(Collectors.groupingBy(event -> event.getEventType().getName()));
  }

  @Test
  void recordsLoadsAndSomePredictions() throws Exception {
    Path model = TinyModels.student(directory.resolve("model"), "sequence", "mean");
    Path file = directory.resolve("events.jfr");
    long bytes;
    try (Recording recording = new Recording()) {
      recording.start();
      try (Student student = Student.load(model)) {
        bytes = student.nativeBytes();
        Student.Session session = student.session();
        float[] probabilities = new float[3];
        for (int i = 0; i < 5000; i++) {
          session.predict("red green", probabilities);
          student.predict("red green");
          student.predictAll(List.of("red", "green blue"));
        }
      }
      recording.stop();
      recording.dump(file);
    }
    Map<String, List<RecordedEvent>> events = byName(file);
    RecordedEvent load = events.get("maque.Load").get(0);
    assertEquals(model.toString(), load.getString("source"));
    assertEquals("directory", load.getString("form"));
    assertEquals("maque-sequence", load.getString("modelType"));
    assertEquals("fp32", load.getString("precision"));
    assertEquals(Maque.info().isa(), load.getString("isa"));
    assertEquals(bytes, load.getLong("nativeBytes"));
    assertTrue(load.getDuration("loadTime").toNanos() > 0);
    List<RecordedEvent> predictions = events.get("maque.Predict");
    // 150 are expected of 15,000; beyond these bounds are 6 standard deviations.
    assertTrue(predictions.size() > 75 && predictions.size() < 225, predictions.size() + "");
    for (RecordedEvent event : predictions) {
      int texts = event.getInt("texts");
      assertEquals("maque-sequence", event.getString("modelType"));
      assertTrue(texts == 1 || texts == 2);
      assertEquals(texts + 1, event.getInt("tokens"));
      assertTrue(event.getDuration().toNanos() > 0);
    }
    assertTrue(predictions.stream().anyMatch(event -> event.getInt("texts") == 2));
  }

  /** A JVM of its own, since a process falls back once. */
  @Test
  void recordsTheFallbackWithItsCause() throws Exception {
    Path model = TinyModels.student(directory.resolve("model"), "sequence", "mean");
    Path file = directory.resolve("fallback.jfr");
    List<String> options =
        List.of("-Dmaque.library.path=" + directory, "-XX:StartFlightRecording:filename=" + file);
    Probe.Result result = new Probe("", options, "predict", model.toString()).run();
    assertEquals(0, result.status(), result.output());
    assertTrue(Files.size(file) > 0);
    Map<String, List<RecordedEvent>> events = byName(file);
    List<RecordedEvent> fallbacks = events.get("maque.Fallback");
    assertEquals(1, fallbacks.size());
    assertTrue(fallbacks.get(0).getString("cause").contains("no such file"));
    assertEquals("java", events.get("maque.Load").get(0).getString("isa"));
  }
}
