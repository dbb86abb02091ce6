package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogitStoreTest {
  private static final List<String> NAMES = List.of("a", "b", "三");
  private static final TeacherKey KEY = new TeacherKey("t1", "v1", 50, NAMES);
  private static final int RECORD = 16 + 4 * 3 + 4;

  /** Thousands of stores are damaged here on purpose; the reference keeps the setting alive. */
  private static final Logger LOG = Logger.getLogger(LogitStore.class.getName());

  @TempDir Path directory;

  @BeforeAll
  static void quiet() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void loud() {
    LOG.setLevel(null);
  }

  private static String text(int i) {
    return "text " + i;
  }

  private static float[] logits(int i) {
    return new float[] {i, -i / 3f, 0.5f * i + 1};
  }

  private void fill(TeacherKey key, int from, int to) {
    try (LogitStore store = LogitStore.openForWriting(directory, key)) {
      for (int i = from; i < to; i++) {
        store.append(text(i), logits(i));
      }
    }
  }

  private static boolean has(LogitStore store, int i) {
    float[] out = {9, 9, 9, 9};
    boolean found = store.read(text(i), out, 1);
    assertEquals(found, store.contains(text(i)));
    assertArrayEquals(
        found ? logits(i) : new float[] {9, 9, 9}, Arrays.copyOfRange(out, 1, 4), text(i));
    assertEquals(9, out[0]);
    return found;
  }

  private Path segment() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(".logits")).findFirst().orElseThrow();
    }
  }

  @Test
  void whatIsWrittenIsRead() {
    fill(KEY, 0, 1000);
    fill(KEY, 500, 1500);
    try (LogitStore store = LogitStore.open(directory, KEY)) {
      assertEquals(1500, store.size());
      assertEquals(0, store.dropped());
      for (int i = 0; i < 1500; i++) {
        assertTrue(has(store, i));
      }
      assertFalse(has(store, 1500));
    }
  }

  @Test
  void whatWasJustAppendedIsRead() {
    try (LogitStore store = LogitStore.openForWriting(directory, KEY)) {
      store.append(text(1), logits(1));
      assertTrue(has(store, 1));
      store.append(text(1), logits(2));
      assertTrue(has(store, 1), "the first logits stay");
      store.flush();
      assertTrue(has(store, 1));
      assertEquals(1, store.size());
    }
  }

  @Test
  void anotherTeacherFindsNothing() {
    fill(KEY, 0, 10);
    for (TeacherKey other :
        List.of(
            new TeacherKey("t2", "v1", 50, NAMES),
            new TeacherKey("t1", "v2", 50, NAMES),
            new TeacherKey("t1", "v1", 49, NAMES))) {
      try (LogitStore store = LogitStore.openForWriting(directory, other)) {
        assertEquals(0, store.size());
        store.append(text(0), new float[] {7, 7, 7});
      }
    }
    try (LogitStore store = LogitStore.open(directory, KEY)) {
      assertEquals(10, store.size());
      assertTrue(has(store, 0));
    }
  }

  @Test
  void otherClassesAreRefused() {
    fill(KEY, 0, 2);
    TeacherKey other = new TeacherKey("t1", "v1", 50, List.of("a", "三", "b"));
    String message =
        assertThrows(InvalidInputException.class, () -> LogitStore.open(directory, other))
            .getMessage();
    assertTrue(message.contains("[a, b, 三], expected [a, 三, b]"), message);
  }

  /** A process killed while it wrote leaves any prefix of its bytes. */
  @Test
  void everyPrefixOfTheTailIsRepaired() throws IOException {
    fill(KEY, 0, 5);
    Path file = segment();
    byte[] whole = Files.readAllBytes(file);
    for (int cut = 0; cut <= 3 * RECORD; cut++) {
      Files.write(file, Arrays.copyOf(whole, whole.length - cut));
      int kept = 5 - (cut + RECORD - 1) / RECORD;
      boolean torn = cut % RECORD != 0;
      try (LogitStore store = LogitStore.open(directory, KEY)) {
        assertEquals(kept, store.size(), "cut " + cut);
        assertEquals(torn ? 1 : 0, store.dropped());
      }
      fill(KEY, 0, 6);
      try (LogitStore store = LogitStore.open(directory, KEY)) {
        assertEquals(6, store.size());
        assertEquals(0, store.dropped(), "the torn record is gone");
        for (int i = 0; i < 6; i++) {
          assertTrue(has(store, i));
        }
      }
    }
  }

  @Test
  void everyFlippedBitCostsItsRecordAlone() throws IOException {
    fill(KEY, 0, 3);
    Path file = segment();
    byte[] whole = Files.readAllBytes(file);
    int start = whole.length - 3 * RECORD;
    for (int bit = 0; bit < 8 * 3 * RECORD; bit++) {
      byte[] flipped = whole.clone();
      flipped[start + bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(file, flipped);
      int damaged = bit / 8 / RECORD;
      try (LogitStore store = LogitStore.open(directory, KEY)) {
        assertEquals(2, store.size());
        assertEquals(1, store.dropped());
        for (int i = 0; i < 3; i++) {
          assertEquals(i != damaged, has(store, i));
        }
      }
    }
    fill(KEY, 0, 3);
    try (LogitStore store = LogitStore.open(directory, KEY)) {
      assertEquals(3, store.size());
      assertTrue(has(store, 2));
    }
  }

  @Test
  void aDamagedHeaderCostsItsFileAndIsSaid() throws IOException {
    fill(KEY, 0, 3);
    Path file = segment();
    byte[] whole = Files.readAllBytes(file);
    int header = whole.length - 3 * RECORD;
    for (int at = 0; at < header; at++) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 4;
      Files.write(file, flipped);
      try (LogitStore store = LogitStore.open(directory, KEY)) {
        assertEquals(0, store.size());
        assertEquals(1, store.dropped());
      }
    }
    Files.write(file, Arrays.copyOf(whole, header - 1));
    fill(KEY, 0, 3);
    try (LogitStore store = LogitStore.open(directory, KEY)) {
      assertEquals(3, store.size());
      assertEquals(1, store.dropped());
    }
  }

  @Test
  void oneWriterAtATime() {
    try (LogitStore first = LogitStore.openForWriting(directory, KEY)) {
      String message =
          assertThrows(MaqueException.class, () -> LogitStore.openForWriting(directory, KEY))
              .getMessage();
      assertTrue(message.endsWith("another run is writing to this store"), message);
      first.append(text(1), logits(1));
    }
    LogitStore.openForWriting(directory, KEY).close();
  }

  @Test
  void wrongUse() {
    assertThrows(
        InvalidInputException.class, () -> LogitStore.open(directory.resolve("none"), KEY));
    LogitStore store = LogitStore.openForWriting(directory, KEY);
    assertThrows(InvalidInputException.class, () -> store.append("a", new float[2]));
    assertThrows(
        InvalidInputException.class, () -> store.append("a", new float[] {1, Float.NaN, 2}));
    store.close();
    store.close();
    assertThrows(IllegalStateException.class, () -> store.contains("a"));
    try (LogitStore reader = LogitStore.open(directory, KEY)) {
      assertThrows(IllegalStateException.class, () -> reader.append("a", new float[3]));
    }
  }
}
