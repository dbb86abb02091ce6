package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Student;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Means of students that went on from one. */
class StudentAverageTest {
  private static final DataSet TRAIN = TinyBert.data("train", 100, 1);
  private static final DataSet DEV = TinyBert.data("dev", 60, 2);

  @TempDir private static Path directory;
  private static Path start;
  private static Path first;
  private static Path second;

  @BeforeAll
  static void train() {
    Path encoder = TinyBert.write(directory.resolve("encoder"), false);
    start = train(encoder, "start", null, sequence());
    first = train(encoder, "first", start, sequence().seed(2));
    second = train(encoder, "second", start, sequence().seed(3).lr(1e-3));
  }

  private static StudentOptions sequence() {
    return StudentTrainingTest.sequence().maxSteps(12);
  }

  private static Path train(Path encoder, String out, Path start, StudentOptions options) {
    StudentTraining.Inputs inputs =
        StudentTraining.Inputs.labelled(TRAIN, DEV, directory.resolve(out))
            .withTeacher(encoder)
            .withStart(start);
    return StudentTraining.run(inputs, options, RunControl.quiet()).model();
  }

  private static StudentAverage.Result average(String out, DataSet dev, Path... students) {
    return StudentAverage.write(List.of(students), dev, directory.resolve(out), RunControl.quiet());
  }

  private static float[] weights(Path model, String name) {
    return ModelDirectory.read(model).nativeTensors().get(name).floats();
  }

  @Test
  void everyWeightIsTheMean() {
    Path mean = average("mean", null, first, second, start).model();
    for (String name : ModelDirectory.read(start).nativeTensors().keySet()) {
      float[] a = weights(first, name);
      float[] b = weights(second, name);
      float[] c = weights(start, name);
      float[] expected = new float[a.length];
      for (int i = 0; i < a.length; i++) {
        expected[i] = (float) (((double) a[i] + b[i] + c[i]) / 3);
      }
      assertArrayEquals(expected, weights(mean, name), 1e-7f, name);
    }
    ModelDirectory model = ModelDirectory.read(mean);
    assertEquals(1, model.temperature());
    assertFalse(model.training().containsKey("options"));
  }

  @Test
  void theOrderDoesNotMatter() throws IOException {
    Path one = average("one", DEV, first, second, start).model();
    Path other = average("other", DEV, start, second, first).model();
    TeacherTrainingTest.assertSameFiles(one, other);
    try (Stream<Path> files = Files.list(directory)) {
      assertFalse(files.anyMatch(file -> file.toString().contains("draft")));
    }
  }

  @Test
  void devSaysHowGoodItIsAndTheRecordWhoseMeanItIs() {
    StudentAverage.Result result = average("measured", DEV, second, first);
    ModelDirectory model = ModelDirectory.read(result.model());
    Map<?, ?> metrics = (Map<?, ?>) model.training().get("metrics");
    assertEquals(
        result.devAccuracy(), (double) ((Map<?, ?>) metrics.get("dev")).get("accuracy"), 1e-12);
    assertEquals(result.devAccuracy(), accuracy(model), 1e-12);
    assertEquals(
        List.of(accuracy(ModelDirectory.read(second)), accuracy(ModelDirectory.read(first))),
        result.parents());
    Map<?, ?> inputs = (Map<?, ?>) model.training().get("inputs");
    assertEquals(ModelDirectory.read(start).fingerprint(), inputs.get("start"));
    assertEquals(
        Stream.of(first, second)
            .map(each -> ModelDirectory.read(each).fingerprint())
            .sorted()
            .toList(),
        inputs.get("parents"));
    assertTrue(model.config().containsKey(TemperatureFit.KEY));
  }

  private static double accuracy(ModelDirectory model) {
    try (Student student = Student.of(model)) {
      return Evaluation.run("student", student, DEV, RunControl.quiet()).report().accuracy();
    }
  }

  @Test
  void whatHasNoMeanIsRefused() {
    assertMessage("two students or more", first);
    assertMessage("is the same model as", first, second, first);
    Path encoder = directory.resolve("encoder");
    Path apart = train(encoder, "apart", null, sequence().seed(5));
    assertMessage("apart did not go on from the student", first, second, apart);
    assertMessage("did not go on from the student", apart, start);
    Path larger = train(encoder, "larger", null, sequence().hiddenSize(12));
    assertMessage("larger has hidden_size 12, " + first + " 10", first, larger);
    Path packed = directory.resolve("packed.maque");
    StudentPacking.pack(
            ModelDirectory.read(second), StudentPacking.Options.of(Precision.INT8), 1, packed)
        .commitFile();
    assertMessage("is packed", first, packed);
    assertMessage("is a teacher", encoder, first);
    InvalidInputException classes =
        assertThrows(
            InvalidInputException.class,
            () ->
                average(
                    "never",
                    DataSet.of("d", DEV.examples(), List.of("x", "y", "z")),
                    first,
                    second));
    assertTrue(classes.getMessage().contains("has classes"), classes.getMessage());
    assertFalse(Files.exists(directory.resolve("never")));
  }

  private static void assertMessage(String part, Path... students) {
    String message =
        assertThrows(InvalidInputException.class, () -> average("never", null, students))
            .getMessage();
    assertTrue(message.contains(part), message);
  }
}
