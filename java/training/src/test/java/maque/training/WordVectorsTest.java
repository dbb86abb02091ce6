package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.zip.GZIPOutputStream;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WordVectorsTest {
  @TempDir Path directory;

  @Test
  void textWithAndWithoutHeader() {
    for (String header : List.of("3 2\n", "")) {
      WordVectors vectors =
          WordVectors.read(file(header + "the 1 -2.5e-3\n麻雀 0.25 +4 \r\n\u00A0 7\t8"));
      assertEquals(List.of("the", "麻雀", "\u00A0"), vectors.words());
      assertArrayEquals(new float[] {1, -2.5e-3f, 0.25f, 4, 7, 8}, vectors.matrix());
      assertArrayEquals(new float[] {0.25f, 4}, vectors.vector(1));
      assertEquals(1, vectors.indexOf("麻雀"));
      assertEquals(-1, vectors.indexOf("sparrow"));
      assertEquals(2, vectors.dimensions());
    }
  }

  @Test
  void wordsOfGloveMayHoldSpaces() {
    WordVectors vectors = WordVectors.read(file("a 1 2\n. . 3 4\n"));
    assertEquals(List.of("a", ". ."), vectors.words());
  }

  @Test
  void binaryWithAndWithoutLineBreaks() throws IOException {
    for (String after : List.of("\n", "")) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      bytes.write("2 3\n".getBytes(StandardCharsets.UTF_8));
      bytes.write(entry("the", 1, -2, 3));
      bytes.write(after.getBytes(StandardCharsets.UTF_8));
      bytes.write(entry("麻雀", 0.5f, 1e-9f, 0));
      bytes.write(after.getBytes(StandardCharsets.UTF_8));
      WordVectors vectors = WordVectors.read(file(bytes.toByteArray()));
      assertEquals(List.of("the", "麻雀"), vectors.words());
      assertArrayEquals(new float[] {1, -2, 3, 0.5f, 1e-9f, 0}, vectors.matrix());
    }
  }

  @Test
  void whatIsWrittenIsReadAgain() throws IOException {
    Random random = new Random(1);
    for (int dimensions : new int[] {1, 2, 3, 17, 300, 2000}) {
      List<String> words = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        words.add((i % 2 == 0 ? "词" : "w") + i);
      }
      float[] matrix = new float[50 * dimensions];
      for (int i = 0; i < matrix.length; i++) {
        matrix[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(9) - 6));
      }
      WordVectors vectors = WordVectors.of(words, matrix, dimensions);
      Path text = directory.resolve("text" + dimensions);
      Path binary = directory.resolve("binary" + dimensions);
      vectors.writeText(text);
      vectors.writeBinary(binary);
      for (Path file : List.of(text, binary, gzip(text), gzip(binary))) {
        WordVectors read = WordVectors.read(file);
        assertEquals(words, read.words());
        assertArrayEquals(matrix, read.matrix(), file.toString());
      }
    }
  }

  @Test
  void onlyWantedAndFrequentWordsAreKept() {
    String text = "5 1\na 1\nb 2\nc 3\nd 4\ne 5\n";
    Path file = file(text);
    assertEquals(List.of("a", "b"), WordVectors.read(file, Set.of(), 2).words());
    assertEquals(List.of("b", "e"), WordVectors.read(file, Set.of("e", "b", "x"), 0).words());
    assertEquals(List.of("a", "b", "d"), WordVectors.read(file, Set.of("b", "d"), 2).words());
    assertEquals(List.of(), WordVectors.read(file, Set.of("x"), 0).words());
  }

  @Test
  void ofEqualWordsTheFirstCounts() {
    WordVectors vectors = WordVectors.read(file("4 1\na 1\nb 2\na 3\nc 4\n"));
    assertEquals(List.of("a", "b", "c"), vectors.words());
    assertArrayEquals(new float[] {1, 2, 4}, vectors.matrix());
  }

  @Test
  void nothingIsReadAfterTheLastWordThatCanBeKept() {
    Path file = file("5 1\na 1\nb 2\nc not-a-number\n");
    assertEquals(List.of("a", "b"), WordVectors.read(file, Set.of(), 2).words());
    assertEquals(List.of("b"), WordVectors.read(file, Set.of("b"), 0).words());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "|empty",
        "word|:1:",
        "0 5\n|:1:",
        "5 0\n|:1:",
        "2 70000\n|:1:",
        "2 2\na 1 2\n|after 1 of 2",
        "2 2\na 1 2\nb 1\n|:3:",
        "2 2\na 1 2\nb 1 2 3\n|:3:",
        "1 2\na 1 2\nb 1 2\n|:3:",
        "1 2\na 1 nan\n|:2:",
        "1 2\na 1 1e99\n|:2:",
        "1 2\na 1 0x1p3\n|:2:",
        "1 2\na 1 1-1\n|:2:",
        "1 2\n 1 2\n|:2:",
        "a 1 2\n\nb 1 2\n|:2:",
        "a 1 2\nb 1\n|:2:"
      })
  void damagedTextIsSaidWithItsLine(String textAndPart) {
    String text = textAndPart.substring(0, textAndPart.indexOf('|'));
    String part = textAndPart.substring(textAndPart.indexOf('|') + 1);
    Path file = file(text);
    InvalidInputException wrong =
        assertThrows(InvalidInputException.class, () -> WordVectors.read(file));
    assertTrue(wrong.getMessage().contains(file.toString()), wrong.getMessage());
    assertTrue(wrong.getMessage().contains(part), wrong.getMessage());
  }

  @Test
  void wordsMustBeUtf8() {
    byte[] text = "1 1\n? 1\n".getBytes(StandardCharsets.UTF_8);
    text[4] = (byte) 0xE9;
    Path file = file(text);
    InvalidInputException wrong =
        assertThrows(InvalidInputException.class, () -> WordVectors.read(file));
    assertTrue(wrong.getMessage().contains(":2: the word is not UTF-8"), wrong.getMessage());
  }

  @Test
  void aBinaryFileCutOffAnywhereIsSaidWithItsOffset() throws IOException {
    WordVectors vectors = WordVectors.of(List.of("one", "二"), new float[] {1, 2, 3, 4, 5, 6}, 3);
    Path whole = directory.resolve("whole");
    vectors.writeBinary(whole);
    byte[] bytes = Files.readAllBytes(whole);
    // The last byte is a line break, which may be missing.
    for (int length = 0; length < bytes.length - 1; length++) {
      Path cut = file(Arrays.copyOf(bytes, length));
      assertThrows(InvalidInputException.class, () -> WordVectors.read(cut), "length " + length);
    }
    Path cut = file(Arrays.copyOf(bytes, 10));
    InvalidInputException wrong =
        assertThrows(InvalidInputException.class, () -> WordVectors.read(cut));
    assertTrue(
        wrong.getMessage().contains("at byte 10: cut off in vector 1 of 2"), wrong.getMessage());
    Path more = file(Arrays.copyOf(bytes, bytes.length + 5));
    assertThrows(InvalidInputException.class, () -> WordVectors.read(more));
  }

  @Test
  void otherDamage() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write("1 2\n".getBytes(StandardCharsets.UTF_8));
    bytes.write(entry("a", 1, Float.NaN));
    Path notFinite = file(bytes.toByteArray());
    assertThrows(InvalidInputException.class, () -> WordVectors.read(notFinite));
    byte[] packed = Files.readAllBytes(gzip(file("1 1\na 1\n")));
    for (int length : new int[] {2, 5, 15, packed.length - 4}) {
      Path cut = file(Arrays.copyOf(packed, length));
      assertThrows(InvalidInputException.class, () -> WordVectors.read(cut), "length " + length);
    }
    assertThrows(InvalidInputException.class, () -> WordVectors.read(directory));
    assertThrows(InvalidInputException.class, () -> WordVectors.read(directory.resolve("none")));
  }

  @Test
  void wordsThatCannotBeWritten() {
    for (String word : List.of("", "a b", "a\nb")) {
      WordVectors vectors = WordVectors.of(List.of(word), new float[] {1}, 1);
      Path file = directory.resolve("never");
      assertThrows(InvalidInputException.class, () -> vectors.writeText(file));
      assertThrows(InvalidInputException.class, () -> vectors.writeBinary(file));
      assertTrue(Files.notExists(file));
    }
    assertThrows(
        InvalidInputException.class, () -> WordVectors.of(List.of("a", "a"), new float[2], 1));
    assertThrows(InvalidInputException.class, () -> WordVectors.of(List.of("a"), new float[3], 2));
  }

  /** 120 MB of vectors, of which 1,000 are kept. */
  @Test
  void aLargeFileNeedsASmallHeap() throws IOException {
    int dimensions = 300;
    int count = 100_000;
    Path file = directory.resolve("large.bin");
    byte[] vector = new byte[dimensions * Float.BYTES];
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      out.write((count + " " + dimensions + "\n").getBytes(StandardCharsets.UTF_8));
      for (int i = 0; i < count; i++) {
        out.write(("w" + i + " ").getBytes(StandardCharsets.UTF_8));
        out.write(vector);
      }
    }
    Runtime runtime = Runtime.getRuntime();
    System.gc();
    long before = runtime.totalMemory() - runtime.freeMemory();
    WordVectors vectors = WordVectors.read(file, Set.of("w99999"), 999);
    System.gc();
    long used = runtime.totalMemory() - runtime.freeMemory() - before;
    assertEquals(1000, vectors.size());
    assertTrue(used < 20 << 20, used + " bytes");
  }

  private Path file(String text) {
    return file(text.getBytes(StandardCharsets.UTF_8));
  }

  private Path file(byte[] bytes) {
    try {
      return Files.write(Files.createTempFile(directory, "vectors", ""), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path gzip(Path file) throws IOException {
    Path packed = Files.createTempFile(directory, "vectors", ".gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
      Files.copy(file, out);
    }
    return packed;
  }

  private static byte[] entry(String word, float... values) {
    byte[] name = (word + " ").getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(name.length + values.length * Float.BYTES);
    bytes.order(ByteOrder.LITTLE_ENDIAN).put(name);
    for (float value : values) {
      bytes.putFloat(value);
    }
    return bytes.array();
  }
}
