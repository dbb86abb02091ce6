package maque.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What run.sh hands over. */
class ArgumentsTest {
  @Test
  void tasksAreKnownOrRefusedWithTheirNames() {
    Arguments arguments = Arguments.of("--quick", "tokenizer", "--json", "x.json");
    assertTrue(arguments.quick());
    assertTrue(arguments.wants("tokenizer"));
    assertFalse(arguments.wants("base-step"));
    assertFalse(Arguments.of("--quick").wants(Task.of("base-step")));
    assertTrue(Arguments.of("--quick", "base-step").wants(Task.of("base-step")));
    assertEquals(Path.of("x.json"), arguments.json());
    assertTrue(Arguments.of().wants("base-step"));
    String message =
        assertThrows(IllegalArgumentException.class, () -> Arguments.of("teacher")).getMessage();
    assertTrue(message.contains("no task teacher") && message.contains("teacher-64"), message);
    assertThrows(IllegalArgumentException.class, () -> Arguments.of("--json"));
  }
}
