package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
  @TempDir Path directory;

  private void assertOnly(String... names) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      assertEquals(List.of(names), entries.map(e -> e.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void replacesAFileWhole() throws IOException {
    Path file = directory.resolve("file");
    AtomicFiles.write(file, new byte[] {1, 2, 3});
    AtomicFiles.write(file, new byte[] {4});
    assertArrayEquals(new byte[] {4}, Files.readAllBytes(file));
    assertOnly("file");
  }

  @Test
  void whatKilledWritersLeftIsDeleted() throws Exception {
    Path file = directory.resolve("file");
    long mine = ProcessHandle.current().pid();
    Process other = new ProcessBuilder("sleep", "60").start();
    try {
      String alive = ".file.tmp-" + other.pid() + "-1";
      String dead = ".file.tmp-99999999-1"; // above the kernel's bound of process ids
      List<String> others = List.of("file", ".file2.tmp-99999999-1", ".file.tmp-x-1", alive);
      for (String name : others) {
        Files.writeString(directory.resolve(name), "kept");
      }
      Files.writeString(directory.resolve(dead), "left");
      Files.writeString(directory.resolve(".file.tmp-" + mine + "-1"), "left");
      AtomicFiles.deleteLeftovers(file);
      assertOnly(others.stream().sorted().toArray(String[]::new));
    } finally {
      other.destroyForcibly().waitFor();
    }
    AtomicFiles.deleteLeftovers(directory.resolve("none").resolve("file"));
  }

  @Test
  void aWriteThatFailsLeavesTheOldFile() throws IOException {
    Path file = directory.resolve("file");
    AtomicFiles.write(file, new byte[] {1, 2, 3});
    StorageException e =
        assertThrows(
            StorageException.class,
            () ->
                AtomicFiles.write(
                    file,
                    channel -> {
                      channel.write(ByteBuffer.wrap(new byte[] {9}));
                      throw new IOException("No space left on device");
                    }));
    assertEquals(file + ": cannot be written: No space left on device", e.getMessage());
    assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(file));
    assertOnly("file");
  }

  @Test
  void namesADirectoryThatIsMissingOrInTheWay() throws IOException {
    Path none = directory.resolve("none").resolve("file");
    assertTrue(
        assertThrows(StorageException.class, () -> AtomicFiles.write(none, new byte[1]))
            .getMessage()
            .startsWith(none.toString()));
    Path taken = Files.createDirectories(directory.resolve("taken").resolve("inner")).getParent();
    assertThrows(StorageException.class, () -> AtomicFiles.write(taken, new byte[1]));
    assertOnly("taken");
  }

  /**
   * A real limit of the operating system, in a process of its own; a full disk takes the same way.
   */
  @Test
  void aLimitOnFileSizesLosesNothing() throws Exception {
    Path file = directory.resolve("file");
    AtomicFiles.write(file, new byte[] {1, 2, 3});
    Probe.Result result = new Probe("ulimit -f 64;", List.of(), "write", file.toString()).run();
    assertEquals(3, result.status(), result.output());
    assertTrue(result.output().contains("StorageException: " + file), result.output());
    assertTrue(result.output().contains("File too large"), result.output());
    assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(file));
    assertOnly("file");
  }

  @Test
  void aLimitOnFileSizesLeavesTheOldModel() throws Exception {
    Path model = TinyModels.student(directory.resolve("model"), "document", null);
    String before = ModelDirectory.read(model).fingerprint();
    Probe.Result result = new Probe("ulimit -f 64;", List.of(), "model", model.toString()).run();
    assertEquals(3, result.status(), result.output());
    assertTrue(result.output().contains("model.safetensors: cannot be written"), result.output());
    assertEquals(before, ModelDirectory.read(model).fingerprint());
    assertOnly("model");
  }
}
