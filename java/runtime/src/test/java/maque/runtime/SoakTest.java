package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The long runs of benchmarks/soak.sh, a hundred times shorter, in a process of their own. */
class SoakTest {
  @TempDir Path directory;

  @Test
  void nothingGrowsOrIsLeft() throws Exception {
    Path file = directory.resolve("result.json");
    List<String> options = List.of("-Xms128m", "-XX:+AlwaysPreTouch");
    Probe probe = new Probe("", options, "soak", "1e6", "1e4", "8", "1", file.toString());
    Probe.Result result = probe.run();
    assertEquals(0, result.status(), result.output());
    Map<String, Object> found = Json.readObject(file);
    assertEquals(true, found.get("passed"));
    assertTrue(Files.readString(file).contains("\"interrupts\""), found.toString());
  }
}
