package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogitFileTest {
  private static final DataOptions OPTIONS = DataOptions.defaults().unlabelled();

  @TempDir Path directory;

  private Path file(String name, String... lines) throws IOException {
    return Files.write(directory.resolve(name), List.of(lines));
  }

  private static float[] read(LogitSource source, String text) {
    float[] out = new float[2];
    assertTrue(source.read(text, out, 0), text);
    return out;
  }

  private Path jsonl() throws IOException {
    return file(
        "a.jsonl",
        "{\"text\": \"one\", \"id\": [3], \"logits\": {\"x\": 1.5, \"y\": -2}}",
        "",
        "{\"logits\": {\"y\": 4, \"x\": 3e0}, \"text\": \"two\"}");
  }

  @Test
  void linesOfJsonAndTablesSayTheSame() throws IOException {
    Path csv = file("a.csv", "x,text,label,y", "1.5,one,x,-2", "3,two,,4");
    Path tsv = file("a.tsv", "text\tx\ty", "one\t1.5\t-2", "two\t3\t4");
    LogitFile json = LogitFile.read(jsonl(), OPTIONS);
    assertEquals(2, json.size());
    assertEquals(List.of("x", "y"), json.key().labels());
    for (Path path : List.of(csv, tsv)) {
      LogitFile table = LogitFile.read(path, OPTIONS);
      assertEquals(json.key(), table.key());
      assertArrayEquals(new float[] {1.5f, -2}, read(table, "one"));
      assertArrayEquals(new float[] {3, 4}, read(table, "two"));
      assertFalse(table.read("three", new float[2], 0));
    }
  }

  @Test
  void aChangedFileIsAnotherTeacher() throws IOException {
    TeacherKey key = LogitFile.read(file("a.csv", "text,x,y", "one,1,2"), OPTIONS).key();
    for (String row : List.of("one,1,2.000001", "two,1,2", "one,2,1", "one,1,2\nmore,1,2")) {
      TeacherKey other = LogitFile.read(file("b.csv", "text,x,y", row), OPTIONS).key();
      assertNotEquals(key, other, row);
    }
    assertNotEquals(key, LogitFile.read(file("b.csv", "text,x,z", "one,1,2"), OPTIONS).key());
  }

  @Test
  void rowsGoIntoAStore() throws IOException {
    Path file = jsonl();
    TeacherKey key = LogitFile.read(file, OPTIONS).key();
    try (LogitStore store = LogitStore.openForWriting(directory.resolve("store"), key)) {
      assertEquals(2, LogitFile.copy(file, OPTIONS, store));
      assertEquals(0, LogitFile.copy(file, OPTIONS, store));
    }
    TeacherKey found = LogitStore.find(directory.resolve("store"), key.teacher().substring(0, 8));
    try (LogitStore store = LogitStore.open(directory.resolve("store"), found)) {
      assertArrayEquals(new float[] {3, 4}, read(store, "two"));
    }
  }

  @Test
  void aRepeatedTextMustSayTheSame() throws IOException {
    LogitFile same = LogitFile.read(file("a.csv", "text,x,y", "a,1,2", "a,1,2"), OPTIONS);
    assertEquals(1, same.size());
    assertRefused(file("b.csv", "text,x,y", "a,1,2", "a,1,3"), ":3: this text came before");
  }

  @Test
  void whatIsWrongIsSaidWithItsLine() throws IOException {
    assertRefused(
        file(
            "a.jsonl",
            "{\"text\":\"a\",\"logits\":{\"x\":1,\"y\":2}}",
            "{\"text\":\"b\",\"logits\":{\"x\":1,\"z\":2}}"),
        ":2: classes [x, z], those of the first row are [x, y]");
    assertRefused(file("b.jsonl", "{\"text\":\"a\",\"logits\":[1,2]}"), ":1: field 'logits' must");
    assertRefused(file("c.jsonl", "{\"text\":\"a\"}"), ":1: field 'logits' is missing");
    assertRefused(file("d.jsonl", "{\"logits\":{\"x\":1,\"y\":2}}"), "'text' is missing");
    assertRefused(file("e.jsonl", "{\"text\":\"a\",\"logits\":{\"x\":1,\"x\":2}}"), ":1: ");
    assertRefused(file("f.jsonl", "{\"text\":\"a\",\"logits\":{\"x\":\"NaN\",\"y\":2}}"), "finite");
    assertRefused(file("g.csv", "text,x,y", "a,1,b"), ":2: class 'y': a number was expected");
    assertRefused(file("h.csv", "text,x,y", "a,1,1e39"), "'y': 1e39 is not finite");
    assertRefused(file("i.csv", "text,x", "a,1"), "two classes or more");
    assertRefused(file("j.csv", "title,x,y", "a,1,2"), "no column 'text'");
    assertRefused(file("k.csv", "text,x,y"), "has no rows");
    assertRefused(file("l.txt", "a"), "a file of logits is jsonl, csv or tsv");
    assertRefused(directory.resolve("none.csv"), "does not exist");
  }

  private static void assertRefused(Path file, String expected) {
    String message =
        assertThrows(InvalidInputException.class, () -> LogitFile.read(file, OPTIONS)).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
