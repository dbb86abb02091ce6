package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Interrupts, memory and stack that end, a JVM that ends: exceptions, never a crash report. */
class DuressTest {
  @TempDir Path directory;
  private Path model;
  private Path report;

  @BeforeEach
  void make() {
    model = TinyModels.student(directory.resolve("model"), "sequence", "max");
    report = directory.resolve("hs_err.log");
  }

  private Process start(String mode, String... options) throws IOException {
    List<String> all =
        new ArrayList<>(List.of("-XX:ErrorFile=" + report, "-Dmaque.native=required"));
    all.addAll(List.of(options));
    return new Probe("", all, "duress", mode, model.toString()).start();
  }

  private String output(Process process, int status) throws Exception {
    Probe.Result result = Probe.await(process);
    assertEquals(status, result.status(), result.output());
    assertTrue(!Files.exists(report), () -> result.output());
    assertTrue(!result.output().contains("AssertionError"), result.output());
    return result.output();
  }

  @Test
  void interrupts() throws Exception {
    String output = output(start("interrupt"), 0);
    assertTrue(output.contains("interrupted 50"), output);
  }

  @Test
  void aHeapThatIsFull() throws Exception {
    String output = output(start("memory", "-Xmx24m"), 0);
    assertTrue(output.matches("(?s).*out of memory [1-9][0-9]* loaded 30.*"), output);
  }

  @Test
  void aStackThatIsFull() throws Exception {
    assertTrue(output(start("stack"), 0).contains("overflows 20"));
  }

  @Test
  void exitAmidPredictions() throws Exception {
    for (int round = 0; round < 3; round++) {
      assertEquals("ready\n", output(start("exit"), 7));
    }
  }

  @Test
  void aSignalAmidPredictions() throws Exception {
    Process process = start("wait");
    byte[] ready = process.getInputStream().readNBytes(6);
    assertEquals("ready\n", new String(ready, StandardCharsets.UTF_8));
    process.toHandle().destroy();
    assertEquals("", output(process, 128 + 15));
  }
}
