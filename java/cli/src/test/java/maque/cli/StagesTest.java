package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StagesTest {
  @TempDir private Path parent;

  @Test
  void aCompleteStepIsNotDoneAgainUnlessItsKeyChanges() throws Exception {
    Path folder = parent.resolve("demo");
    Path result = folder.resolve("a");
    assertTrue(
        new Stages(folder).run("a", List.of(1), false, () -> Files.writeString(result, "1")));
    assertFalse(
        new Stages(folder).run("a", List.of(1), false, () -> Files.writeString(result, "2")));
    assertEquals("1", Files.readString(result));
    assertTrue(
        new Stages(folder).run("a", List.of(2), false, () -> Files.writeString(result, "3")));
    assertEquals("3", Files.readString(result));
  }

  @Test
  void anInterruptedStepKeepsItsCheckpointUnderTheSameKeyOnly() throws Exception {
    Path folder = parent.resolve("demo");
    Path checkpoint = folder.resolve("a.checkpoint").resolve("state");
    assertThrows(
        IOException.class,
        () ->
            new Stages(folder)
                .run(
                    "a",
                    List.of(1),
                    false,
                    () -> {
                      Files.createDirectories(checkpoint.getParent());
                      Files.writeString(checkpoint, "");
                      throw new IOException("stopped");
                    }));
    new Stages(folder).run("a", List.of(1), false, () -> assertTrue(Files.exists(checkpoint)));
    new Stages(folder).run("a", List.of(2), false, () -> assertFalse(Files.exists(checkpoint)));
  }

  @Test
  void someoneElsesFolderIsLeftAlone() throws IOException {
    Path file = Files.writeString(parent.resolve("precious"), "x");
    assertThrows(InvalidInputException.class, () -> new Stages(parent));
    assertEquals("x", Files.readString(file));
  }
}
