package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Web applications come, go, and live beside each other in one JVM. */
class ClassLoadersTest {
  @TempDir Path directory;
  private Path temporary;

  @BeforeEach
  void make() throws IOException {
    temporary = Files.createDirectory(directory.resolve("tmp"));
  }

  private String run(String mode) throws Exception {
    Path model = TinyModels.student(directory.resolve("model"), "sequence", "max");
    List<String> options = List.of("-Djava.io.tmpdir=" + temporary, "-XX:MaxMetaspaceSize=64m");
    Probe probe = new Probe("", options, mode, model.toString());
    probe.environment(Map.of("MAQUE_CACHE", directory.resolve("cache").toString()));
    Probe.Result result = probe.run();
    assertEquals(0, result.status(), result.output());
    return result.output();
  }

  private static long entries(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.count();
    }
  }

  private static int number(String output, String before) {
    Matcher found = Pattern.compile(before + " (-?[0-9]+)").matcher(output);
    assertTrue(found.find(), output);
    return Integer.parseInt(found.group(1));
  }

  /**
   * The JVM unloads a library with its class loader: of a hundred, none is kept, nor are the copies
   * of the library in memory and on disk.
   */
  @Test
  void aHundredOneAfterTheOther() throws Exception {
    String output = run("loaders");
    assertEquals(100, number(output, "loaded"), output);
    assertTrue(number(output, "left") <= 2, output);
    assertTrue(number(output, "mapped") <= 3, output);
    assertTrue(number(output, "rise MB") <= 24, output);
    assertEquals(1, entries(directory.resolve("cache")), output);
    assertEquals(0, entries(temporary), output);
  }

  /** A copy whose package was renamed has no native functions: it answers in plain Java. */
  @Test
  void threeAtTheSameTime() throws Exception {
    String output = run("side-by-side");
    String isa = Maque.info().isa();
    assertTrue(output.contains("maque.runtime " + isa + "\nmaque.runtime " + isa), output);
    assertTrue(output.contains("naque.runtime java"), output);
    assertTrue(output.contains("lacks the functions of naque.runtime.MaqueNative"), output);
    assertEquals(output.indexOf("plain Java"), output.lastIndexOf("plain Java"), output);
    assertEquals(0, entries(temporary), output);
  }
}
