package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataSetTest {
  private static final DataOptions DEFAULTS = DataOptions.defaults();

  @TempDir Path directory;

  @BeforeEach
  void labels() throws IOException {
    write("labels.txt", "car\nculture\nedu\n");
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(directory.resolve(name), content);
  }

  private static String error(Path file, DataOptions options) {
    String message =
        assertThrows(InvalidInputException.class, () -> DataSet.read(file, options)).getMessage();
    assertTrue(message.startsWith(file.toString()), message);
    return message.substring(file.toString().length());
  }

  private static void assertRows(DataSet data) {
    assertEquals(
        List.of(new Example("一, \"二\"", 2), new Example("three\nfour", 0), new Example("", 1)),
        data.examples());
    assertEquals(List.of("car", "culture", "edu"), data.labels());
    assertArrayEquals(new int[] {1, 1, 1}, data.counts());
  }

  @Test
  void jsonArray() throws IOException {
    Path file =
        write(
            "data.json",
            """
            [ {"text": "一, \\"二\\"", "label": "edu", "more": {"a": [1, 2]}},
              {"label": 0, "text": "three\\nfour"}, {"text": "", "label": "1"} ]
            """);
    assertRows(DataSet.read(file, DEFAULTS));
  }

  @Test
  void jsonLines() throws IOException {
    Path file =
        write(
            "data.jsonl",
            "{\"text\": \"一, \\\"二\\\"\", \"label\": 2}\n\n"
                + "{\"text\": \"three\\nfour\", \"label\": \"car\"}\r\n"
                + "{\"text\": \"\", \"label\": \"culture\"}");
    assertRows(DataSet.read(file, DEFAULTS));
  }

  @Test
  void csv() throws IOException {
    Path file =
        write(
            "data.csv",
            "id,text,label\r\n1,\"一, \"\"二\"\"\",edu\r\n2,\"three\nfour\",0\r\n3,,culture\r\n");
    assertRows(DataSet.read(file, DEFAULTS));
  }

  /** Quotes in a TSV are text. */
  @Test
  void tsv() throws IOException {
    Path file = write("data.tsv", "kind\ttitle\nedu\t\"quoted\" word\ncar\t\"open\n");
    DataSet data = DataSet.read(file, DEFAULTS.withColumns("title", "kind"));
    assertEquals(
        List.of(new Example("\"quoted\" word", 2), new Example("\"open", 0)), data.examples());
  }

  @Test
  void byteOrderMarkIsDropped() throws IOException {
    Path file = write("data.csv", "\uFEFFtext,label\na,car\nb,edu\n");
    assertEquals(2, DataSet.read(file, DEFAULTS).size());
  }

  @Test
  void plainLines() throws IOException {
    Path file = write("data.txt", "one\r\n\n  \ntwo");
    DataSet data = DataSet.read(file, DEFAULTS.unlabelled());
    assertEquals(List.of(new Example("one", -1), new Example("two", -1)), data.examples());
  }

  @Test
  void namesAreInferredWhereNoneAreGiven() throws IOException {
    Files.delete(directory.resolve("labels.txt"));
    Path names = write("names.csv", "text,label\na,x\nb,10\nc,x\n");
    assertEquals(List.of("10", "x"), DataSet.read(names, DEFAULTS).labels());
    Path numbers = write("numbers.csv", "text,label\na,2\nb,0\n");
    DataSet data = DataSet.read(numbers, DEFAULTS);
    assertEquals(List.of("0", "1", "2"), data.labels());
    assertArrayEquals(new int[] {2, 0}, data.labelIndexes());
  }

  @Test
  void labelNotInTheList() throws IOException {
    Path csv = write("a.csv", "text,label\na,car\nb,\"sp\nort\"\nc,nothing\n");
    assertEquals(
        ":3: label 'sp\nort' is not one of the classes [car, culture, edu]", error(csv, DEFAULTS));
    Path lines = write("b.csv", "text,label\r\n\"x\r\ny\",bad\r\n");
    assertTrue(error(lines, DEFAULTS).startsWith(":2: label 'bad'"));
    Path json = write("a.json", "[{\"text\":\"a\",\"label\":1},\n\n{\"text\":\"a\",\"label\":3}]");
    assertEquals(
        ":3: label '3' is not one of the classes [car, culture, edu]", error(json, DEFAULTS));
    Path negative = write("a.jsonl", "{\"text\":\"a\",\"label\":-1}\n");
    assertTrue(error(negative, DEFAULTS).startsWith(":1: label '-1' is not one"));
  }

  @Test
  void missingColumns() throws IOException {
    Path csv = write("a.csv", "txt,label\na,car\n");
    assertEquals(":1: no column 'text'; the columns are [txt, label]", error(csv, DEFAULTS));
    Path short1 = write("b.csv", "text,label\na,car\nb\n");
    assertEquals(":3: 1 columns, but the first line names 2", error(short1, DEFAULTS));
    Path json = write("a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"label\":1}\n");
    assertEquals(":2: field 'text' is missing", error(json, DEFAULTS));
    Path label = write("b.jsonl", "{\"text\":\"a\"}\n");
    assertEquals(":1: field 'label' is missing", error(label, DEFAULTS));
    Path empty = write("c.csv", "text,label\na,car\nb,\n");
    assertEquals(":3: field 'label' is missing", error(empty, DEFAULTS));
    Path twice = write("d.csv", "text,text,label\na,a,car\n");
    assertEquals(":1: column 'text' is named twice", error(twice, DEFAULTS));
  }

  @Test
  void wrongTypesAndSyntax() throws IOException {
    Path number = write("a.json", "[\n{\"text\": 5, \"label\": 1}]");
    assertEquals(":2: field 'text' must be a string", error(number, DEFAULTS));
    Path fraction = write("b.json", "[{\"text\": \"\", \"label\": 1.5}]");
    assertEquals(":1: field 'label' must be a string or an integer", error(fraction, DEFAULTS));
    Path object = write("c.json", "{\"text\": \"\", \"label\": 1}");
    assertEquals(":1: a JSON array of objects was expected", error(object, DEFAULTS));
    Path broken = write("d.json", "[{\"text\": \"\",\n \"label\": 1},\n {\"text\" \"\"}]");
    assertTrue(error(broken, DEFAULTS).startsWith(":3: "));
    Path cut = write("e.json", "[{\"text\": \"\", \"label\": 1},");
    assertTrue(error(cut, DEFAULTS).startsWith(":1: "));
    Path more =
        write("f.jsonl", "{\"text\": \"\", \"label\": 1}\n{\"text\": \"\", \"label\": 1} 2\n");
    assertEquals(":2: something follows the object", error(more, DEFAULTS));
  }

  @Test
  void nothingThere() throws IOException {
    assertEquals(" has no rows", error(write("a.csv", ""), DEFAULTS));
    assertEquals(" has no rows", error(write("b.csv", "text,label\n"), DEFAULTS));
    assertEquals(" has no rows", error(write("c.json", "[]"), DEFAULTS));
    assertEquals(" has no rows", error(write("d.txt", "\n\n"), DEFAULTS.unlabelled()));
    assertEquals(" does not exist", error(directory.resolve("none.csv"), DEFAULTS));
    assertEquals(" is a directory, a file was expected", error(directory, DEFAULTS));
  }

  @Test
  void invalidUtf8IsNamedByItsByte() throws IOException {
    for (String name : List.of("a.csv", "a.txt", "a.jsonl", "a.json")) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      bytes.write("text,label\n号,car\n".getBytes(StandardCharsets.UTF_8));
      bytes.write(new byte[] {'a', (byte) 0xE5, (byte) 0x8F, 'x'});
      Path file = Files.write(directory.resolve(name), bytes.toByteArray());
      String expected = ":3: invalid UTF-8 at byte 22: byte 0x78 inside a character";
      String found = error(file, DEFAULTS.unlabelled());
      if (!name.endsWith("json") && !name.endsWith("jsonl")) {
        assertEquals(expected, found);
      }
    }
  }

  @Test
  void everyKindOfInvalidUtf8() throws IOException {
    byte[][] wrong = {
      {(byte) 0x80},
      {(byte) 0xC0, (byte) 0x80},
      {(byte) 0xC1, (byte) 0xBF},
      {(byte) 0xE0, (byte) 0x9F, (byte) 0xBF},
      {(byte) 0xED, (byte) 0xA0, (byte) 0x80},
      {(byte) 0xF0, (byte) 0x8F, (byte) 0xBF, (byte) 0xBF},
      {(byte) 0xF4, (byte) 0x90, (byte) 0x80, (byte) 0x80},
      {(byte) 0xF5},
      {(byte) 0xFF},
      {(byte) 0xE5, (byte) 0x8F},
      {(byte) 0xF0, (byte) 0x9F, (byte) 0x98}
    };
    for (byte[] bytes : wrong) {
      Path file = Files.write(directory.resolve("wrong.txt"), bytes);
      assertTrue(error(file, DEFAULTS.unlabelled()).startsWith(":1: invalid UTF-8 at byte "));
    }
    Path right =
        write("right.txt", "\u0000\u007F\u0080\u07FF\u0800\uD7FF\uE000\uFFFF😀\uDBFF\uDFFF");
    assertEquals(1, DataSet.read(right, DEFAULTS.unlabelled()).size());
  }

  /** A character that lies across the reader's buffers. */
  @Test
  void utf8AcrossBuffers() throws IOException {
    for (int pad = 65_530; pad < 65_542; pad++) {
      Path file = write("long.txt", "a".repeat(pad) + "麻雀😀\nend");
      DataSet data = DataSet.read(file, DEFAULTS.unlabelled());
      assertEquals("a".repeat(pad) + "麻雀😀", data.get(0));
      assertEquals("end", data.get(1));
    }
  }

  @Test
  void trainable() {
    List<String> names = List.of("a", "b");
    DataSet one = DataSet.of("one", List.of(new Example("x", 1), new Example("y", 1)), names);
    assertEquals(
        "one: all 2 examples have one class; training needs two",
        assertThrows(InvalidInputException.class, one::requireTrainable).getMessage());
    DataSet none = DataSet.of("none", List.of(), names);
    assertEquals(
        "none is empty",
        assertThrows(InvalidInputException.class, none::requireTrainable).getMessage());
    DataSet some = DataSet.of("some", List.of(new Example("x", 1), new Example("y", -1)), names);
    assertThrows(InvalidInputException.class, some::requireTrainable);
    assertThrows(
        InvalidInputException.class, () -> DataSet.of("bad", List.of(new Example("x", 2)), names));
    DataSet.of("two", List.of(new Example("x", 1), new Example("y", 0)), names).requireTrainable();
  }

  @Test
  void balancedWeights() {
    List<Example> examples =
        List.of(
            new Example("a", 0),
            new Example("b", 0),
            new Example("c", 0),
            new Example("d", 2),
            new Example("e", -1));
    DataSet data = DataSet.of("data", examples, List.of("x", "y", "z"));
    assertArrayEquals(new float[] {4f / 6, 1, 2}, data.balancedWeights());
  }

  @Test
  void splitsAreDisjointAndComplete() {
    List<Example> examples =
        IntStream.range(0, 100).mapToObj(i -> new Example("t" + i, i % 2)).toList();
    DataSet data = DataSet.of("data", examples, List.of("a", "b"));
    DataSet.Split split = data.split(0.1, 3);
    assertEquals(90, split.train().size());
    assertEquals(10, split.dev().size());
    Set<Example> all = new HashSet<>(split.train().examples());
    all.addAll(split.dev().examples());
    assertEquals(Set.copyOf(examples), all);
    assertEquals(split.dev().hash(), data.split(0.1, 3).dev().hash());
    assertNotEquals(split.dev().hash(), data.split(0.1, 4).dev().hash());
  }

  @Test
  void theHashSeesEverything() {
    List<String> names = List.of("a", "b");
    String hash = DataSet.of("x", List.of(new Example("ab", 0), new Example("c", 1)), names).hash();
    assertEquals(
        hash, DataSet.of("y", List.of(new Example("ab", 0), new Example("c", 1)), names).hash());
    for (DataSet other :
        List.of(
            DataSet.of("x", List.of(new Example("a", 0), new Example("bc", 1)), names),
            DataSet.of("x", List.of(new Example("ab", 1), new Example("c", 1)), names),
            DataSet.of("x", List.of(new Example("c", 1), new Example("ab", 0)), names),
            DataSet.of(
                "x", List.of(new Example("ab", 0), new Example("c", 1)), List.of("b", "a")))) {
      assertNotEquals(hash, other.hash());
    }
    assertNotEquals(
        Texts.of(List.of("\uD800")).hash(),
        Texts.of(List.of("?")).hash(),
        "a lone surrogate is not a question mark");
  }

  @Test
  void linesByNumber() throws IOException {
    Path file = write("lines.txt", "\uFEFF一\r\n\n二三\n \nlast");
    try (LineIndex lines = Texts.lines(file)) {
      assertEquals(3, lines.size());
      assertEquals("last", lines.get(2));
      assertEquals("一", lines.get(0));
      assertEquals("二三", lines.get(1));
      assertEquals(6, lines.length(1));
      assertEquals(Texts.of(List.of("一", "二三", "last")).hash(), lines.hash());
    }
  }

  @Test
  void classesAreMatchedByName() {
    DataSet data =
        DataSet.of(
            "d",
            List.of(new Example("x", 0), new Example("y", 1), new Example("z", -1)),
            List.of("car", "game"));
    DataSet other = data.withLabels(List.of("game", "sport", "car"));
    assertArrayEquals(new int[] {2, 0, -1}, other.labelIndexes());
    assertEquals(List.of("game", "sport", "car"), other.labels());
    String message =
        assertThrows(InvalidInputException.class, () -> data.withLabels(List.of("car", "sport")))
            .getMessage();
    assertTrue(message.contains("'game'") && message.contains("[car, sport]"), message);
  }

  @Test
  void aDrawIsEvenWhereAskedForAndLosesNothing() {
    List<Example> examples =
        IntStream.range(0, 100)
            .mapToObj(i -> new Example("t" + i, i < 80 ? 0 : i < 95 ? 1 : 2))
            .toList();
    DataSet data = DataSet.of("d", examples, List.of("a", "b", "c"));
    DataSet.Draw even = data.draw(30, 7, true);
    assertArrayEquals(new int[] {13, 12, 5}, even.labelled().counts());
    assertEquals(70, even.rest().size());
    Set<String> all = new HashSet<>();
    even.labelled().examples().forEach(example -> all.add(example.text()));
    even.rest().examples().forEach(example -> all.add(example.text()));
    assertEquals(100, all.size());
    assertEquals(even.labelled().hash(), data.draw(30, 7, true).labelled().hash());
    assertNotEquals(even.labelled().hash(), data.draw(30, 8, true).labelled().hash());
    int first = data.draw(30, 7, false).labelled().counts()[0];
    assertTrue(first > 16, "any text has the same chance: " + first);
    assertEquals(100, data.draw(1000, 7, false).labelled().size());
    assertThrows(InvalidInputException.class, () -> data.draw(0, 7, false));
  }
}
