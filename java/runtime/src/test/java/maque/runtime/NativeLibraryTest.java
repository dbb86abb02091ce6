package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  @TempDir Path directory;

  static byte[] library() throws IOException {
    String resource = "/maque/native/linux-x86_64/libjnimaque.so";
    try (InputStream in = MaqueNative.class.getResourceAsStream(resource)) {
      return in.readAllBytes();
    }
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }

  @Test
  void saysWhatRuns() {
    Maque.Info info = Maque.info();
    assertTrue(Set.of("avx512", "avx2", "ref").contains(info.isa()), info.isa());
    // A flavour of int8 or bf16 is of that instruction set or of one that adds to it.
    assertTrue(info.int8().startsWith(info.isa()), info.toString());
    boolean multipliesInBf16 =
        info.cpuFeatures().contains("bf16") && System.getenv("MAQUE_MAX_ISA") == null;
    assertEquals(multipliesInBf16 ? "avx512bf16" : "", info.bf16());
    assertTrue(info.version().matches("\\d+\\.\\d+\\.\\d+.*"), info.version());
    assertTrue(Files.isRegularFile(info.library()));
  }

  @Test
  void extractsOnceForAnyNumberOfThreads() throws Exception {
    byte[] content = new byte[100_000];
    Arrays.fill(content, (byte) 7);
    NativeLibrary library = new NativeLibrary("x", getClass());
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Path>> copies = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        copies.add(threads.submit(() -> library.extract(content, directory.resolve("cache"))));
      }
      Set<Path> paths = new HashSet<>();
      for (Future<Path> copy : copies) {
        assertArrayEquals(content, Files.readAllBytes(copy.get()));
        paths.add(copy.get());
      }
      assertEquals(1, paths.size());
      assertEquals(List.copyOf(paths), list(directory.resolve("cache")));
    } finally {
      threads.shutdownNow();
    }
    content[0]++;
    assertNotEquals(
        list(directory.resolve("cache")).get(0),
        library.extract(content, directory.resolve("cache")));
  }

  @Test
  void replacesAnAlteredCopy() throws IOException {
    byte[] content = {1, 2, 3, 4};
    NativeLibrary library = new NativeLibrary("x", getClass());
    Path copy = library.extract(content, directory);
    for (byte[] altered : new byte[][] {{1, 2, 3, 5}, {1, 2}, {}, {1, 2, 3, 4, 5}}) {
      Files.write(copy, altered);
      assertEquals(copy, library.extract(content, directory));
      assertArrayEquals(content, Files.readAllBytes(copy));
    }
  }

  @Test
  void namesWhatCannotBeWritten() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    NativeLibrary library = new NativeLibrary("x", getClass());
    String message =
        assertThrows(
                NativeLibraryException.class,
                () -> library.extract(new byte[1], file.resolve("cache")))
            .getMessage();
    assertTrue(message.contains(file.resolve("cache").toString()), message);
    assertTrue(message.contains("MAQUE_CACHE"), message);
    assertTrue(
        assertThrows(NativeLibraryException.class, () -> library.load(path -> {}))
            .getMessage()
            .contains("libx.so"));
  }

  /**
   * Twenty processes that start at once on an empty cache share one copy, predict the same, and
   * have no thread that was not there before.
   */
  @Test
  void processesStartTogether() throws Exception {
    Path model = TinyModels.student(directory.resolve("model"), "sequence", "max");
    Path cache = directory.resolve("cache");
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Probe probe = new Probe("", List.of(), "predict", model.toString());
      processes.add(probe.environment(Map.of("MAQUE_CACHE", cache.toString())).start());
    }
    Set<String> outputs = new HashSet<>();
    for (Process process : processes) {
      Probe.Result result = Probe.await(process);
      assertEquals(0, result.status(), result.output());
      outputs.add(result.output());
    }
    assertEquals(1, outputs.size(), outputs.toString());
    assertEquals(1, list(cache).size());
    String output = outputs.iterator().next();
    assertTrue(
        output.startsWith("threads [caller-1, caller-2]\nlibrary " + list(cache).get(0)), output);
  }

  @Test
  void aChosenDirectoryIsTakenAsItIs() throws Exception {
    Path model = TinyModels.student(directory.resolve("model"), "document", null);
    List<String> option = List.of("-Dmaque.library.path=" + directory, "-Dmaque.native=required");
    Path file = directory.resolve("libjnimaque.so");
    Probe.Result none = new Probe("", option, "predict", model.toString()).run();
    assertEquals(3, none.status(), none.output());
    assertTrue(none.output().contains(file + ": no such file"), none.output());

    Files.writeString(file, "no library");
    Probe.Result garbage = new Probe("", option, "predict", model.toString()).run();
    assertEquals(3, garbage.status(), garbage.output());
    assertTrue(garbage.output().contains(file + ": cannot be loaded"), garbage.output());

    Files.write(file, library());
    Probe.Result good = new Probe("", option, "predict", model.toString()).run();
    assertEquals(0, good.status(), good.output());
    assertTrue(good.output().contains("library " + file), good.output());
  }

  /** Two web applications in one JVM each have a class loader of their own. */
  @Test
  void aSecondClassLoaderGetsALibraryToo() throws Exception {
    Maque.info();
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<URL> urls = new ArrayList<>();
    for (String entry : classPath.split(File.pathSeparator)) {
      urls.add(Path.of(entry).toUri().toURL());
    }
    try (URLClassLoader loader =
        new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
      Class<?> other = loader.loadClass(Maque.class.getName());
      assertNotEquals(Maque.class, other);
      Object info = other.getMethod("info").invoke(null);
      assertTrue(info.toString().contains("isa=" + Maque.info().isa()), info.toString());
    }
  }
}
