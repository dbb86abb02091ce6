package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The chain on a tiny teacher: train, score, distil, evaluate, judge, report. */
class SoftTargetsTest {
  private static final DataSet TRAIN = TinyBert.data("train", 150, 1);
  private static final DataSet DEV = TinyBert.data("dev", 60, 2);
  private static final DataSet TEST = TinyBert.data("test", 200, 5);

  @TempDir Path directory;
  private Path model;

  @BeforeEach
  void train() {
    Path encoder = TinyBert.write(directory.resolve("encoder"), false);
    model =
        TeacherTraining.run(
                new TeacherTraining.Inputs(encoder, TRAIN, DEV, directory.resolve("teacher")),
                TinyBert.teacher().epochs(8),
                RunControl.quiet())
            .model();
  }

  private LogitStore store() {
    return LogitStore.openForWriting(
        directory.resolve("logits"), TeacherKey.of(ModelDirectory.read(model)));
  }

  private static List<String> texts(DataSet data) {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < data.size(); i++) {
      texts.add(data.get(i));
    }
    return texts;
  }

  @Test
  void everyTextIsScoredOnce() throws IOException {
    Path file = Files.write(directory.resolve("texts.txt"), texts(TRAIN));
    try (Teacher teacher = Teacher.load(model);
        LogitStore store = store();
        LineIndex lines = Texts.lines(file)) {
      long distinct = texts(TRAIN).stream().distinct().count();
      assertEquals(distinct, SoftTargets.write(store, teacher, lines, RunControl.quiet()));
      assertEquals(distinct, store.size());
      assertEquals(0, SoftTargets.write(store, teacher, TRAIN, RunControl.quiet().withThreads(2)));
      float[] logits = new float[3];
      for (String text : texts(TRAIN)) {
        assertTrue(store.read(text, logits, 0));
        assertArrayEquals(teacher.logits(text), logits);
      }
    }
  }

  @Test
  void aTextThatIsBeingScoredIsNotAskedForAgain() throws IOException {
    List<String> often = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      often.add("w" + i % 40);
    }
    try (Teacher teacher = Teacher.load(model);
        LogitStore store = store()) {
      Texts texts = Texts.of(often);
      assertEquals(40, SoftTargets.write(store, teacher, texts, RunControl.quiet().withThreads(3)));
      assertEquals(40, store.size());
    }
  }

  @Test
  void aStoppedRunGoesOn() throws IOException {
    Path one = directory.resolve("logits");
    try (Teacher teacher = Teacher.load(model)) {
      CancellationToken token = new CancellationToken();
      RunControl stopping = new RunControl(progress -> token.cancel(), token, 2);
      try (LogitStore store = store()) {
        assertThrows(
            CancelledException.class, () -> SoftTargets.write(store, teacher, TEST, stopping));
        assertTrue(store.size() > 0 && store.size() < 200);
      }
      try (LogitStore store = store()) {
        int before = store.size();
        long rest = SoftTargets.write(store, teacher, TEST, RunControl.quiet().withThreads(2));
        assertEquals(texts(TEST).stream().distinct().count(), before + rest);
      }
    }
    assertTrue(Files.isDirectory(one));
  }

  @Test
  void aChangedTeacherHasAnotherKey() {
    ModelDirectory before = ModelDirectory.read(model);
    TeacherKey key = TeacherKey.of(before);
    assertEquals(key, TeacherKey.of(ModelDirectory.read(model)));
    Path encoder = directory.resolve("encoder");
    Path other =
        TeacherTraining.run(
                new TeacherTraining.Inputs(encoder, TRAIN, DEV, directory.resolve("other")),
                TinyBert.teacher().epochs(8).seed(9),
                RunControl.quiet())
            .model();
    TeacherKey changed = TeacherKey.of(ModelDirectory.read(other));
    assertNotEquals(key.teacher(), changed.teacher());
    assertEquals(key.tokenizer(), changed.tokenizer());
  }

  @Test
  void otherClassesAreRefused() {
    try (Teacher teacher = Teacher.load(model);
        LogitStore store =
            LogitStore.openForWriting(
                directory.resolve("other"), new TeacherKey("t", "v", 1, List.of("a", "b", "c")))) {
      assertThrows(
          InvalidInputException.class,
          () -> SoftTargets.write(store, teacher, TEST, RunControl.quiet()));
    }
  }

  @Test
  void evaluationSeesWhatTheModelSays() {
    try (Teacher teacher = Teacher.load(model)) {
      Evaluation.Result result = Evaluation.run("teacher", teacher, TEST, RunControl.quiet());
      int right = 0;
      for (Example example : TEST.examples()) {
        right += teacher.predict(example.text()).index() == example.label() ? 1 : 0;
      }
      assertEquals(right / 200.0, result.report().accuracy(), 1e-12);
      assertEquals(1, result.agreement(result));
      assertTrue(result.seconds() > 0 && result.medianMicros() > 0);
      assertTrue(result.slowMicros() >= result.medianMicros());
      assertEquals(teacher.parameters(), result.parameters());
      assertThrows(
          InvalidInputException.class,
          () ->
              Evaluation.run(
                  "t",
                  teacher,
                  DataSet.of("x", TEST.examples(), List.of("x", "y", "z")),
                  RunControl.quiet()));
      assertThrows(
          InvalidInputException.class,
          () ->
              Evaluation.run(
                  "t",
                  teacher,
                  DataSet.of("x", List.of(new Example("w1", -1)), TinyBert.CLASSES),
                  RunControl.quiet()));
    }
  }

  @Test
  void evaluationSaysTheSameOnAnyNumberOfThreads() {
    try (Teacher teacher = Teacher.load(model)) {
      int[] one = Evaluation.run("t", teacher, TEST, RunControl.quiet()).predicted();
      for (int threads : new int[] {2, 3}) {
        RunControl control = RunControl.quiet().withThreads(threads);
        assertArrayEquals(one, Evaluation.run("t", teacher, TEST, control).predicted());
      }
      for (int i = 0; i < one.length; i++) {
        assertEquals(teacher.predict(TEST.get(i)).index(), one[i]);
      }
    }
  }
}
