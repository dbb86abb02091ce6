package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import maque.runtime.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Training and scoring with {@code device = cuda}, on the emulation of a GPU that the native tests
 * build: the kernels are those of a GPU, run by the processor.
 */
class DeviceTest {
  private static final Device GPU = Device.cuda(0);
  private static final DataSet TRAIN = TinyBert.data("train", 40, 1);
  private static final DataSet DEV = TinyBert.data("dev", 12, 2);

  @TempDir Path directory;
  private Path encoder;

  @BeforeEach
  void encoder() {
    encoder = TinyBert.write(directory.resolve("encoder"), false);
  }

  @AfterEach
  void clear() {
    System.clearProperty(CudaLibrary.PROPERTY);
    System.clearProperty(CudaLibrary.CUBLASLT_PROPERTY);
  }

  private static void emulate() {
    System.setProperty(CudaLibrary.PROPERTY, EmulatedGpu.library());
  }

  private TrainingResult teacher(String name, Device device, RunControl control) {
    TeacherOptions options = TinyBert.teacher().maxSteps(3).evaluateEvery(2).device(device);
    return TeacherTraining.run(
        new TeacherTraining.Inputs(encoder, TRAIN, DEV, directory.resolve(name)), options, control);
  }

  private TrainingResult student(String name, Device device, RunControl control) {
    StudentOptions options =
        StudentTrainingTest.sequence().maxSteps(3).evaluateEvery(2).device(device);
    return StudentTraining.run(
        StudentTraining.Inputs.labelled(TRAIN, DEV, directory.resolve(name)).withTeacher(encoder),
        options,
        control);
  }

  /**
   * A key's bias adds the same to all scores of a query, so that its gradient is what rounding
   * leaves of 0, and AdamW makes a whole step of that: it is left out.
   */
  private static void assertNear(Path expected, Path model, double bound) {
    Map<String, Tensor> tensors = ModelDirectory.read(model).tensors();
    ModelDirectory.read(expected)
        .tensors()
        .forEach(
            (name, tensor) -> {
              if (!name.endsWith("self.key.bias")) {
                float[] found = tensors.get(name).floats();
                assertArrayEquals(tensor.floats(), found, (float) bound, name);
              }
            });
  }

  /** Runs whole, again, and cancelled and gone on with: the same files. */
  private Path sameBytes(String name, BiFunction<String, RunControl, TrainingResult> run)
      throws IOException {
    Path whole = run.apply(name, RunControl.quiet()).model();
    TeacherTrainingTest.assertSameFiles(
        whole, run.apply(name + "-again", RunControl.quiet()).model());
    RunControl stopped = new StopAt(1, 1).control();
    assertThrows(CancelledException.class, () -> run.apply(name + "-parts", stopped));
    TeacherTrainingTest.assertSameFiles(
        whole, run.apply(name + "-parts", RunControl.quiet()).model());
    return whole;
  }

  @Test
  void aTeacherIsTheProcessorsWithinABound() throws IOException {
    emulate();
    Path gpu = sameBytes("gpu", (name, control) -> teacher(name, GPU, control));
    assertNear(teacher("cpu", Device.CPU, RunControl.quiet()).model(), gpu, 2e-4);
    Map<?, ?> recorded = (Map<?, ?>) ModelDirectory.read(gpu).training().get("options");
    assertEquals("cuda", recorded.get("device"));
    assertEquals(GPU, RecordedOptions.teacher(recorded).device());
  }

  @Test
  void aStudentIsTheProcessorsWithinABound() throws IOException {
    emulate();
    Path gpu = sameBytes("gpu", (name, control) -> student(name, GPU, control));
    assertNear(student("cpu", Device.CPU, RunControl.quiet()).model(), gpu, 2e-4);
  }

  @Test
  void softTargetsAreTheProcessorsWithinABound() {
    emulate();
    Path model = teacher("teacher", Device.CPU, RunControl.quiet()).model();
    ModelDirectory read = ModelDirectory.read(model);
    TeacherKey key = TeacherKey.of(read);
    float[] one = new float[read.labels().size()];
    try (DeviceTeacher onGpu = DeviceTeacher.of(read, GPU);
        Teacher onCpu = Teacher.of(read);
        LogitStore store = LogitStore.openForWriting(directory.resolve("logits"), key)) {
      assertEquals(DEV.size(), SoftTargets.write(store, onGpu, DEV, RunControl.quiet()));
      assertEquals(0, SoftTargets.write(store, onGpu, DEV, RunControl.quiet()), "all are there");
      for (int i = 0; i < DEV.size(); i++) {
        assertTrue(store.read(DEV.get(i), one, 0));
        assertArrayEquals(onCpu.logits(DEV.get(i)), one, 1e-4f);
      }
    }
  }

  @Test
  void closedItScoresNoMore() {
    emulate();
    Path model = teacher("teacher", Device.CPU, RunControl.quiet()).model();
    DeviceTeacher closed = DeviceTeacher.of(ModelDirectory.read(model), GPU);
    closed.close();
    closed.close();
    assertThrows(IllegalStateException.class, () -> closed.logits(List.of("w1")));
  }

  @Test
  void whatCannotBeUsedSaysWhy() {
    System.setProperty(CudaLibrary.PROPERTY, directory.resolve("absent.so").toString());
    Device.Status status = Device.status();
    assertFalse(status.usable());
    assertTrue(status.text().contains("absent.so"), status.text());
    Exception e =
        assertThrows(
            TrainingException.class, () -> teacher("teacher", GPU, RunControl.quiet()).model());
    assertTrue(e.getMessage().contains("absent.so"), e.getMessage());
    assertFalse(Files.exists(directory.resolve("teacher")));
  }

  @Test
  void aGpuThatIsNotThereIsNamed() {
    emulate();
    assertTrue(Device.status().usable());
    assertTrue(Device.status().text().startsWith("cuda:0 "), Device.status().text());
    Exception e =
        assertThrows(
            TrainingException.class,
            () -> student("student", Device.cuda(3), RunControl.quiet()).model());
    assertTrue(e.getMessage().contains("3"), e.getMessage());
  }

  @Test
  void onlyATeacherWithLabelsInFloatsScoresThere() {
    Path student = student("student", Device.CPU, RunControl.quiet()).model();
    for (Path model : new Path[] {encoder, student}) {
      ModelDirectory read = ModelDirectory.read(model);
      assertThrows(RuntimeException.class, () -> DeviceTeacher.of(read, GPU));
    }
  }

  @Test
  void names() {
    assertEquals(Device.CPU, Device.of("cpu"));
    assertEquals(GPU, Device.of("cuda"));
    assertEquals(Device.cuda(2), Device.of("cuda:2"));
    assertEquals("cuda:2", Device.of("cuda:2").id());
    assertEquals("cuda", Device.of("cuda:2").kind());
    assertNotEquals(Device.CPU, GPU);
    for (String wrong : new String[] {"", "gpu", "cuda:", "cuda:-1", "cuda:99999", "CUDA"}) {
      assertThrows(InvalidInputException.class, () -> Device.of(wrong), wrong);
    }
  }

  @Test
  void aLibraryOfThePresetsIsCopiedOnce() throws IOException {
    Path jarred = Files.write(directory.resolve("libcublasLt.so.12"), new byte[] {1, 2, 3});
    URL resource = jarred.toUri().toURL();
    Path copy = CudaLibrary.copy(resource, "libcublasLt.so.12", directory.resolve("cache"));
    assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(copy));
    Object first = Files.readAttributes(copy, "unix:ino").get("ino");
    assertEquals(copy, CudaLibrary.copy(resource, "libcublasLt.so.12", copy.getParent()));
    assertEquals(first, Files.readAttributes(copy, "unix:ino").get("ino"));
    Files.write(copy, new byte[] {1});
    CudaLibrary.copy(resource, "libcublasLt.so.12", copy.getParent());
    assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(copy), "a short copy is made anew");
  }
}
