package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher on machines that lack something: its PATH holds nothing but what a test puts there.
 */
class LauncherTest {
  private static final String BASH = "/bin/bash";
  private static final List<String> TOOLS = List.of("dirname", "readlink", "sed", "cut", "paste");

  @TempDir private Path bin;

  private record Said(int code, String text) {}

  private void command(String name, String script) throws IOException {
    Path file = Files.writeString(bin.resolve(name), "#!" + BASH + "\n" + script + "\n");
    assertTrue(file.toFile().setExecutable(true));
  }

  private void tools() throws IOException {
    for (String tool : TOOLS) {
      Path found = Path.of("/usr/bin", tool);
      Files.createSymbolicLink(
          bin.resolve(tool), Files.exists(found) ? found : Path.of("/bin", tool));
    }
  }

  private Said launch() throws IOException, InterruptedException {
    Path launcher = Path.of("..", "..", "maque").toRealPath();
    ProcessBuilder builder =
        new ProcessBuilder(BASH, launcher.toString(), "info").redirectErrorStream(true);
    Map<String, String> environment = builder.environment();
    environment.clear();
    environment.put("PATH", bin.toString());
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    Process process = builder.start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Said(process.waitFor(), text);
  }

  @Test
  void withoutTheRightToInstallItSaysWhatToRun() throws Exception {
    tools();
    command("id", "echo 1000");
    command("apt-get", "echo must not run; exit 9");
    command("apt-cache", "exit 1");
    Said said = launch();
    assertEquals(1, said.code, said.text);
    assertEquals(
        """
        maque: missing: Maven, g++, CMake, Ninja, and no right to install packages. Please run:
          sudo apt-get update && sudo apt-get install -y --no-install-recommends maven g++ cmake ninja-build
        """,
        said.text);
  }

  @Test
  void onlyWhatIsMissingIsNamed() throws Exception {
    tools();
    command("id", "echo 1000");
    command("apt-get", "echo must not run; exit 9");
    command("apt-cache", "exit 1");
    for (String present : List.of("g++", "cmake", "ninja")) {
      command(present, "exit 0");
    }
    Said said = launch();
    assertEquals(1, said.code, said.text);
    assertTrue(said.text.startsWith("maque: missing: Maven, and no right"), said.text);
    assertTrue(said.text.endsWith(" maven\n"), said.text);
  }

  @Test
  void withoutAptItSaysThatItIsAnotherSystem() throws Exception {
    tools();
    Said said = launch();
    assertEquals(1, said.code, said.text);
    assertTrue(said.text.contains("missing: Maven, g++, CMake, Ninja. "), said.text);
    assertTrue(said.text.contains("no Debian or Ubuntu machine"), said.text);
  }

  @Test
  void aFailedInstallationShowsAptsOwnWords() throws Exception {
    tools();
    Files.createSymbolicLink(bin.resolve("env"), Path.of("/usr/bin/env"));
    Files.createSymbolicLink(bin.resolve("tail"), Path.of("/usr/bin/tail"));
    command("id", "echo 0");
    command("apt-get", "[ \"$1\" = update ] || { echo 'E: disk full'; exit 100; }");
    command("apt-cache", "exit 1");
    Said said = launch();
    assertEquals(1, said.code, said.text);
    assertTrue(said.text.contains("updating the package lists (apt-get update)"), said.text);
    assertTrue(said.text.contains("apt-get install -y --no-install-recommends maven"), said.text);
    assertTrue(said.text.endsWith("E: disk full\n"), said.text);
  }
}
