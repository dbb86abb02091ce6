package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogitEnsembleTest {
  @TempDir Path directory;

  /** A teacher in memory. */
  private static LogitSource teacher(String name, List<String> labels, Map<String, float[]> rows) {
    return new LogitSource() {
      @Override
      public TeacherKey key() {
        return new TeacherKey(name, "", 0, labels);
      }

      @Override
      public boolean read(String text, float[] out, int offset) {
        float[] row = rows.get(text);
        if (row != null) {
          System.arraycopy(row, 0, out, offset, row.length);
        }
        return row != null;
      }
    };
  }

  private static final LogitSource A =
      teacher(
          "a", List.of("x", "y"), Map.of("both", new float[] {1, 2}, "one", new float[] {1, 1}));
  private static final LogitSource B =
      teacher("b", List.of("y", "x"), Map.of("both", new float[] {10, 4}));

  private static float[] read(LogitSource source, String text) {
    float[] out = {-7, -7, -7};
    assertTrue(source.read(text, out, 1));
    assertEquals(-7, out[0]);
    return new float[] {out[1], out[2]};
  }

  @Test
  void isTheMeanByName() {
    LogitSource both = LogitEnsemble.of(List.of(A, B));
    assertEquals(List.of("x", "y"), both.key().labels());
    assertArrayEquals(new float[] {2.5f, 6}, read(both, "both"));
    float[] out = {5, 5};
    assertFalse(both.read("one", out, 0), "a text that one member lacks");
    assertArrayEquals(new float[] {5, 5}, out);
    assertSame(A, LogitEnsemble.of(List.of(A)));
  }

  @Test
  void theOrderOfMembersChangesNoBit() {
    LogitSource huge = teacher("c", List.of("x", "y"), Map.of("both", new float[] {1e30f, 3}));
    LogitSource tiny = teacher("d", List.of("x", "y"), Map.of("both", new float[] {-1e30f, 1e-9f}));
    LogitSource one = LogitEnsemble.of(List.of(A, huge, tiny));
    LogitSource other = LogitEnsemble.of(List.of(tiny, A, huge));
    assertEquals(one.key(), other.key());
    assertArrayEquals(read(one, "both"), read(other, "both"));
  }

  @Test
  void theKeyIsThatOfAllMembers() {
    String key = LogitEnsemble.of(List.of(A, B)).key().teacher();
    LogitSource changed = teacher("b2", List.of("y", "x"), Map.of());
    assertNotEquals(key, LogitEnsemble.of(List.of(A, changed)).key().teacher());
    assertNotEquals(key, LogitEnsemble.of(List.of(A, B, changed)).key().teacher());
    assertThrows(InvalidInputException.class, () -> LogitEnsemble.of(List.of(A, B, A)));
    assertThrows(InvalidInputException.class, () -> LogitEnsemble.of(List.of()));
  }

  @Test
  void otherClassesAreRefusedWithBothLists() {
    LogitSource other = teacher("c", List.of("x", "z"), Map.of());
    String message =
        assertThrows(InvalidInputException.class, () -> LogitEnsemble.of(List.of(A, other)))
            .getMessage();
    assertTrue(message.contains("[x, z]") && message.contains("[x, y]"), message);
  }

  @Test
  void aTextIsLookedForInEveryStore() {
    TeacherKey key = new TeacherKey("t", "v", 16, List.of("x", "y"));
    for (String name : List.of("first", "second")) {
      try (LogitStore store = LogitStore.openForWriting(directory.resolve(name), key)) {
        store.append(name, new float[] {1, name.length()});
      }
    }
    try (LogitStore first = LogitStore.open(directory.resolve("first"), key);
        LogitStore second = LogitStore.open(directory.resolve("second"), key)) {
      LogitSource union = LogitEnsemble.union(List.of(first, second));
      assertArrayEquals(new float[] {1, 5}, read(union, "first"));
      assertArrayEquals(new float[] {1, 6}, read(union, "second"));
      assertFalse(union.read("third", new float[2], 0));
    }
  }

  @Test
  void aTeacherIsFoundByTheBeginningOfItsHash() {
    for (String teacher : List.of("abc1", "abd2")) {
      TeacherKey key = new TeacherKey(teacher, "v", 16, List.of("x", "y"));
      try (LogitStore store = LogitStore.openForWriting(directory, key)) {
        store.append("text", new float[] {1, 2});
      }
    }
    assertEquals("abc1", LogitStore.find(directory, "abc").teacher());
    String several =
        assertThrows(InvalidInputException.class, () -> LogitStore.find(directory, "ab"))
            .getMessage();
    assertTrue(several.contains("abc1 [x, y]") && several.contains("abd2 [x, y]"), several);
    assertThrows(InvalidInputException.class, () -> LogitStore.find(directory, "z"));
    Path none = directory.resolve("none");
    assertThrows(InvalidInputException.class, () -> LogitStore.find(none, "a"));
  }
}
