package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BiFunction;
import maque.runtime.InvalidInputException;
import maque.runtime.Maque;
import maque.runtime.MaqueException;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training and answering in bf16; on a processor without it, the error. */
class Bf16TrainingTest {
  private static final DataSet TRAIN = TinyBert.data("train", 200, 1);
  private static final DataSet DEV = TinyBert.data("dev", 100, 2);
  private static final boolean PRESENT =
      Maque.info().cpuFeatures().contains("avx512_bf16") && System.getenv("MAQUE_MAX_ISA") == null;

  @TempDir Path directory;
  private Path encoder;

  @BeforeEach
  void encoder() {
    encoder = TinyBert.write(directory.resolve("encoder"), false);
  }

  private TrainingResult teacher(String name, TeacherOptions options, RunControl control) {
    return TeacherTraining.run(
        new TeacherTraining.Inputs(encoder, TRAIN, DEV, directory.resolve(name)), options, control);
  }

  private TrainingResult student(String name, StudentOptions options, RunControl control) {
    return StudentTraining.run(
        StudentTraining.Inputs.labelled(TRAIN, DEV, directory.resolve(name)).withTeacher(encoder),
        options,
        control);
  }

  private static TeacherOptions teacherOptions(Precision precision) {
    return TinyBert.teacher().epochs(10).precision(precision);
  }

  private static StudentOptions studentOptions(Precision precision) {
    return StudentTrainingTest.sequence().precision(precision);
  }

  /** Runs whole, with two threads, and cancelled twice and gone on with: the same files. */
  private void assertSameBytes(String name, BiFunction<String, RunControl, TrainingResult> run)
      throws IOException {
    Path whole = run.apply(name, RunControl.quiet()).model();
    Path threads = run.apply(name + "-threads", RunControl.quiet().withThreads(2)).model();
    TeacherTrainingTest.assertSameFiles(whole, threads);
    for (int stop : new int[] {3, 10}) {
      RunControl control = new StopAt(stop, 1).control();
      assertThrows(CancelledException.class, () -> run.apply(name + "-parts", control));
    }
    Path parts = run.apply(name + "-parts", RunControl.quiet()).model();
    TeacherTrainingTest.assertSameFiles(whole, parts);
  }

  @Test
  void threadsAndInterruptionsDoNotChangeABit() throws IOException {
    Assumptions.assumeTrue(PRESENT);
    TeacherOptions teacher = teacherOptions(Precision.BF16).maxSteps(20);
    assertSameBytes("teacher", (name, control) -> teacher(name, teacher, control));
    StudentOptions student = studentOptions(Precision.BF16).maxSteps(20);
    assertSameBytes("student", (name, control) -> student(name, student, control));
  }

  @Test
  void modelsLearnAsInFp32() throws IOException {
    Assumptions.assumeTrue(PRESENT);
    TrainingResult rounded = teacher("t16", teacherOptions(Precision.BF16), RunControl.quiet());
    TrainingResult exact = teacher("t32", teacherOptions(Precision.FP32), RunControl.quiet());
    assertEquals(exact.devAccuracy(), rounded.devAccuracy(), 0.05);
    assertNotEquals(
        -1, Files.mismatch(weights(exact), weights(rounded)), "else it was fp32 all the same");
    assertEquals(
        "bf16",
        ((Map<?, ?>) ModelDirectory.read(rounded.model()).training().get("options"))
            .get("precision"));
    TrainingResult small = student("s16", studentOptions(Precision.BF16), RunControl.quiet());
    TrainingResult same = student("s32", studentOptions(Precision.FP32), RunControl.quiet());
    assertEquals(same.devAccuracy(), small.devAccuracy(), 0.05);
  }

  private static Path weights(TrainingResult result) {
    return result.model().resolve("model.safetensors");
  }

  @Test
  void aTeacherAnswersInBf16() {
    Assumptions.assumeTrue(PRESENT);
    ModelDirectory model =
        ModelDirectory.read(
            teacher("teacher", TinyBert.teacher().maxSteps(30), RunControl.quiet()).model());
    ModelDirectory rounded = model.withPrecision("bf16");
    assertEquals("bf16", rounded.precision());
    assertNotEquals(TeacherKey.of(model), TeacherKey.of(rounded), "the logits are others");
    try (Teacher exact = Teacher.of(model);
        Teacher near = Teacher.of(rounded)) {
      assertTrue(near.nativeBytes() < exact.nativeBytes());
      for (Example example : DEV.examples().subList(0, 20)) {
        float[] a = exact.logits(example.text());
        float[] b = near.logits(example.text());
        assertArrayEquals(a, b, 0.05f);
        assertFalse(java.util.Arrays.equals(a, b));
      }
    }
    try (Teacher again = Teacher.of(rounded.withPrecision("fp32"));
        Teacher exact = Teacher.of(model)) {
      assertArrayEquals(exact.logits("w1 w2"), again.logits("w1 w2"));
    }
  }

  @Test
  void aProcessorWithoutItIsAnError() {
    Assumptions.assumeFalse(PRESENT);
    ModelDirectory model =
        ModelDirectory.read(
            teacher("teacher", TinyBert.teacher().maxSteps(2), RunControl.quiet()).model());
    MaqueException e =
        assertThrows(MaqueException.class, () -> Teacher.of(model.withPrecision("bf16")).close());
    assertTrue(e.getMessage().contains("AVX512_BF16"), e.getMessage());
    e =
        assertThrows(
            MaqueException.class,
            () -> teacher("t16", teacherOptions(Precision.BF16), RunControl.quiet()));
    assertTrue(e.getMessage().contains("AVX512_BF16"), e.getMessage());
  }

  @Test
  void wrongPrecisions() {
    assertThrows(InvalidInputException.class, () -> TinyBert.teacher().precision(Precision.INT8));
    ModelDirectory model = ModelDirectory.read(encoder);
    assertThrows(InvalidInputException.class, () -> model.withPrecision("int8"));
    assertThrows(InvalidInputException.class, () -> model.withPrecision("half"));
    ModelDirectory student =
        ModelDirectory.read(TinyStudent.write(directory.resolve("student"), "mean", 1));
    assertThrows(InvalidInputException.class, () -> student.withPrecision("bf16"));
  }
}
