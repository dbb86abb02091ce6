package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever keeps the native library from loading, a student answers, and says why it is slow. */
class PlainJavaPathTest {
  private static final String WARNING = "students answer in plain Java";

  @TempDir private static Path models;
  private static Path model;
  private static String expected;

  @TempDir Path directory;

  @BeforeAll
  static void askNatively() throws Exception {
    model = TinyModels.student(models.resolve("model"), "sequence", "max-logits");
    Probe.Result result = probe(List.of());
    assertEquals(0, result.status(), result.output());
    assertFalse(result.output().contains("WARNING"), result.output());
    expected = logits(result);
  }

  private static Probe.Result probe(List<String> options) throws Exception {
    return new Probe("", options, "predict", model.toString()).run();
  }

  private static String logits(Probe.Result result) {
    return result.output().substring(result.output().indexOf("logits ["));
  }

  private void assertAnswersInJava(Probe.Result result, String cause) {
    String output = result.output();
    assertEquals(0, result.status(), output);
    assertEquals(expected, logits(result));
    assertEquals(output.indexOf(WARNING), output.lastIndexOf(WARNING), output);
    assertTrue(output.contains(WARNING) && output.contains(cause), output);
    assertTrue(output.contains("isa java"), output);
    assertTrue(output.contains("threads [caller-1, caller-2]"), output);
  }

  private void assertFallsBack(byte[] content, String cause) throws Exception {
    Path file = directory.resolve("libjnimaque.so");
    Files.deleteIfExists(file);
    if (content != null) {
      Files.write(file, content);
    }
    String option = "-Dmaque.library.path=" + directory;
    assertAnswersInJava(probe(List.of(option)), cause);
    Probe.Result required = probe(List.of(option, "-Dmaque.native=required"));
    assertEquals(3, required.status(), required.output());
    assertTrue(
        required.output().contains("NativeLibraryException: " + file)
            && required.output().contains(cause),
        required.output());
  }

  @Test
  void whereTheLibraryIsAbsent() throws Exception {
    assertFallsBack(null, "no such file");
  }

  @Test
  void whereTheLibraryIsTruncated() throws Exception {
    byte[] whole = NativeLibraryTest.library();
    for (int length : new int[] {whole.length - 1, whole.length / 2, 0}) {
      assertFallsBack(
          Arrays.copyOf(whole, length), length < 64 ? "no 64-bit ELF file" : "it is truncated");
    }
  }

  /** A download that went wrong, and another system's library. */
  @Test
  void whereTheLibraryIsNone() throws Exception {
    assertFallsBack("<!DOCTYPE html><p>404".getBytes(StandardCharsets.UTF_8), "no 64-bit ELF file");
    byte[] dll = new byte[4096];
    dll[0] = 'M';
    dll[1] = 'Z';
    assertFallsBack(dll, "no 64-bit ELF file");
  }

  @Test
  void whereABitOfTheLibraryIsFlipped() throws Exception {
    byte[] library = NativeLibraryTest.library();
    library[library.length / 2] ^= 4;
    assertFallsBack(library, "it is altered: its bytes are not its seal's");
  }

  @Test
  void whereTheLibraryIsForAnotherProcessor() throws Exception {
    byte[] patched = NativeLibraryTest.library();
    patched[18] = (byte) 183;
    assertFallsBack(patched, "another processor: arm64, this one is x86_64");
  }

  @Test
  void whereTheCacheCannotBeWritten() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    Probe probe = new Probe("", List.of(), "predict", model.toString());
    probe.environment(Map.of("MAQUE_CACHE", file.resolve("cache").toString()));
    assertAnswersInJava(probe.run(), "MAQUE_CACHE may name another directory");
  }

  /** What a file system mounted noexec says, without mounting one. */
  @Test
  void whereTheCacheMayNotBeExecuted() throws IOException {
    String message =
        failure(
            new UnsatisfiedLinkError(
                "failed to map segment from shared object: Operation not permitted"));
    assertTrue(message.contains("mounted noexec? MAQUE_CACHE may name another"), message);
  }

  /** What Java 24 and later say under --illegal-native-access=deny. */
  @Test
  void whereNativeAccessIsDenied() throws IOException {
    String message = failure(new IllegalCallerException("Illegal native access from module x"));
    assertTrue(message.contains("--enable-native-access=ALL-UNNAMED allows it"), message);
  }

  /** The message where loading the library throws that. */
  private String failure(Throwable thrown) throws IOException {
    Files.write(directory.resolve("libjnimaque.so"), NativeLibraryTest.library());
    String before = System.setProperty(NativeLibrary.PATH_PROPERTY, directory.toString());
    try {
      NativeLibrary library = new NativeLibrary("jnimaque", getClass());
      return assertThrows(NativeLibraryException.class, () -> library.load(path -> raise(thrown)))
          .getMessage();
    } finally {
      if (before == null) {
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
      } else {
        System.setProperty(NativeLibrary.PATH_PROPERTY, before);
      }
    }
  }

  private static void raise(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) thrown;
  }

  /**
   * A probe on whose disk a file system of its own is mounted, seen by nobody else. Skipped, and
   * counted so, where this user may not mount.
   */
  private Probe mounted(String mountOptions, List<String> options) throws Exception {
    Path disk = Files.createDirectories(directory.resolve("disk"));
    String unshare = System.getProperty("user.name").equals("root") ? "unshare -m" : "unshare -rm";
    String mount = "mount -t tmpfs -o " + mountOptions + " tmpfs " + disk;
    int status =
        new ProcessBuilder("bash", "-c", unshare + " " + mount + " 2>/dev/null").start().waitFor();
    assumeTrue(status == 0, "no right to mount");
    String prefix = "exec " + unshare + " bash -c '" + mount + " && exec \"$@\"' probe \"$@\";";
    return new Probe(prefix, options, "predict", model.toString());
  }

  private Probe withCache(Probe probe) {
    return probe.environment(Map.of("MAQUE_CACHE", directory.resolve("disk").toString()));
  }

  @Test
  void whereTheCacheIsMountedNoExec() throws Exception {
    assertAnswersInJava(
        withCache(mounted("noexec", List.of())).run(),
        "mounted noexec? MAQUE_CACHE may name another");
  }

  @Test
  void whereTheDiskIsReadOnly() throws Exception {
    assertAnswersInJava(
        withCache(mounted("ro", List.of())).run(), "MAQUE_CACHE may name another directory");
  }

  @Test
  void whereTheDiskIsFull() throws Exception {
    assertAnswersInJava(
        withCache(mounted("size=64k", List.of())).run(), "MAQUE_CACHE may name another directory");
  }

  /** The temporary directory serves where the home cannot be written; then nothing is lost. */
  @Test
  void whereTheHomeCannotBeWritten() throws Exception {
    String home = "-Duser.home=" + directory.resolve("disk");
    Path temporary = Files.createDirectories(directory.resolve("tmp"));
    String writable = "-Djava.io.tmpdir=" + temporary;
    Probe.Result result = mounted("ro", List.of(home, writable)).without("MAQUE_CACHE").run();
    assertEquals(0, result.status(), result.output());
    assertEquals(expected, logits(result));
    assertFalse(result.output().contains("WARNING"), result.output());
    assertTrue(result.output().contains("library " + temporary), result.output());
    try (Stream<Path> left = Files.list(temporary)) {
      assertEquals(List.of(), left.toList());
    }
    String unwritable = "-Djava.io.tmpdir=" + directory.resolve("disk");
    assertAnswersInJava(
        mounted("ro", List.of(home, unwritable)).without("MAQUE_CACHE").run(), "cannot be written");
  }

  /** The copy that one user made serves another, who may not write there. */
  @Test
  void whereTheCacheIsAnotherUsers() throws Exception {
    String other = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    Path shared = Files.createDirectories(directory.resolve("disk"));
    for (Path path : List.of(models, directory, shared)) {
      path.toFile().setReadable(true, false);
      path.toFile().setExecutable(true, false);
    }
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classes = Maque.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    String may = other + " test -x " + java + " -a -r " + classes + " -a -r " + model;
    assumeTrue(
        new ProcessBuilder("bash", "-c", may + " 2>/dev/null").start().waitFor() == 0,
        "no right to become another user, who can read this build");
    String prefix = "exec " + other + " \"$@\";";
    Probe first = new Probe(prefix, List.of(), "predict", model.toString());
    assertAnswersInJava(withCache(first).run(), "MAQUE_CACHE may name another directory");
    assertEquals(
        0, withCache(new Probe("", List.of(), "predict", model.toString())).run().status());
    Probe.Result result =
        withCache(new Probe(prefix, List.of(), "predict", model.toString())).run();
    assertEquals(0, result.status(), result.output());
    assertEquals(expected, logits(result));
    assertTrue(result.output().contains("library " + shared), result.output());
  }

  @Test
  void whereItIsSwitchedOff() throws Exception {
    Probe.Result result = probe(List.of("-Dmaque.native=off"));
    assertEquals(0, result.status(), result.output());
    assertEquals(expected, logits(result));
    assertFalse(result.output().contains("WARNING"), result.output());
    assertTrue(result.output().contains("isa java"), result.output());
    Probe.Result wrong = probe(List.of("-Dmaque.native=maybe"));
    assertEquals(3, wrong.status(), wrong.output());
    assertTrue(wrong.output().contains("expected auto, required or off"), wrong.output());
  }

  /** The student loaded in plain Java, in this process. */
  private static Student inJava(Path path) {
    String before = System.setProperty(Maque.NATIVE_PROPERTY, "off");
    try {
      return Student.load(path);
    } finally {
      if (before == null) {
        System.clearProperty(Maque.NATIVE_PROPERTY);
      } else {
        System.setProperty(Maque.NATIVE_PROPERTY, before);
      }
    }
  }

  @Test
  void aSessionAllocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Student student = inJava(model)) {
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
    }
  }

  @Test
  void manyThreadsShareAStudent() throws Exception {
    try (Student student = inJava(model)) {
      String[] texts = {"red", "green blue 麻雀", "", "sparrow ".repeat(9)};
      List<Prediction> answers = Arrays.stream(texts).map(student::predict).toList();
      ExecutorService threads = Executors.newFixedThreadPool(8);
      try {
        List<Future<?>> results = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
          int text = i % texts.length;
          results.add(
              threads.submit(
                  () ->
                      assertArrayEquals(
                          answers.get(text).probabilities(),
                          student.predict(texts[text]).probabilities())));
        }
        for (Future<?> result : results) {
          result.get();
        }
      } finally {
        threads.shutdownNow();
      }
    }
  }

  @Test
  void closingWhileOthersPredictIsSafe() throws Exception {
    ClosingRace.run(50, () -> inJava(model), "red green", "this student is closed");
  }
}
