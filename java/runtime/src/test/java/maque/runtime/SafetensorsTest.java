package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
  @TempDir Path directory;
  private Path file;

  @BeforeEach
  void name() {
    file = directory.resolve("x.safetensors");
  }

  private void write(String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(json.length).put(json);
    Files.write(file, out.array());
  }

  private String error() {
    String message =
        assertThrows(ModelFormatException.class, () -> Safetensors.read(file)).getMessage();
    assertTrue(message.startsWith(file.toString()), message);
    if (Files.isRegularFile(file)) {
      String streamed =
          assertThrows(ModelFormatException.class, () -> stream("what was given")).getMessage();
      assertTrue(streamed.startsWith("what was given"), streamed);
    }
    return message;
  }

  private Safetensors.Tensors stream(String name) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return Safetensors.read(in, name);
    }
  }

  private static String entry(String name, String shape, int begin, int end) {
    return "\""
        + name
        + "\":{\"dtype\":\"F32\",\"shape\":"
        + shape
        + ",\"data_offsets\":["
        + begin
        + ","
        + end
        + "]}";
  }

  @Test
  void readsBackWhatItWrote() throws IOException {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("b", Tensor.of("b", new long[] {2, 3}, new float[] {1, -2, 3, 4, 5, 6.5f}));
    tensors.put("a", Tensor.of("a", new long[] {}, new float[] {7}));
    tensors.put("empty", Tensor.of("empty", new long[] {0, 4}, new float[0]));
    Safetensors.write(file, tensors, Map.of("format", "pt"));
    Safetensors.Tensors read = Safetensors.read(file);
    assertEquals(List.of("b", "a", "empty"), List.copyOf(read.tensors().keySet()));
    assertEquals(Map.of("format", "pt"), read.metadata());
    tensors.forEach(
        (name, tensor) -> {
          assertArrayEquals(tensor.shape(), read.get(name).shape());
          assertArrayEquals(tensor.floats(), read.get(name).floats());
        });
    assertThrows(ModelFormatException.class, () -> read.get("c"));
    Safetensors.Tensors streamed = stream("s");
    assertEquals(read.metadata(), streamed.metadata());
    read.tensors()
        .forEach((name, tensor) -> assertEquals(tensor.data(), streamed.get(name).data()));
  }

  /** A header that claims gigabytes costs no more than the bytes that come. */
  @Test
  void aStreamIsNotTakenAtItsWord() throws IOException {
    write("{" + entry("a", "[536870911]", 0, 4 * 536870911) + "}", 100);
    assertTrue(error().contains("the file has 100"));
    String message = assertThrows(ModelFormatException.class, () -> stream("s")).getMessage();
    assertTrue(message.contains("it ends where 2147483544 more bytes are needed"), message);
    byte[] endless = ByteBuffer.allocate(1 << 16).putLong(0, Long.reverseBytes(99_000_000)).array();
    message =
        assertThrows(
                ModelFormatException.class,
                () -> Safetensors.read(new ByteArrayInputStream(endless), "s"))
            .getMessage();
    assertTrue(message.contains("it ends where"), message);
  }

  @Test
  void nothingFollowsTheLastTensorOfAStream() throws IOException {
    write("{" + entry("a", "[1]", 0, 4) + "}", 5);
    String message = assertThrows(ModelFormatException.class, () -> stream("s")).getMessage();
    assertEquals("s: goes on after its last tensor", message);
  }

  /**
   * The layout that the format's own libraries write: a JSON object first, padded with spaces to a
   * multiple of eight.
   */
  @Test
  void dataBeginAligned() throws IOException {
    for (String name : List.of("a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "麻雀")) {
      Safetensors.write(
          file, Map.of(name, Tensor.of(name, new long[] {1}, new float[] {1})), Map.of());
      byte[] bytes = Files.readAllBytes(file);
      long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
      assertEquals(0, header % 8);
      assertEquals(8 + header + 4, bytes.length);
      assertEquals('{', bytes[8]);
      String json = new String(bytes, 8, (int) header, StandardCharsets.UTF_8);
      assertEquals("{" + entry(name, "[1]", 0, 4) + "}", json.stripTrailing());
    }
  }

  @Test
  void widensHalfPrecision() throws IOException {
    byte[] json =
        ("{\"h\":{\"dtype\":\"F16\",\"shape\":[7],\"data_offsets\":[0,14]},"
                + "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[14,18]},"
                + "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[18,26]},"
                + "\"i\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[26,34]}}")
            .getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(8 + json.length + 34).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(json.length).put(json);
    for (int half : new int[] {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00, 0x8000, 0x3555}) {
      out.putShort((short) half);
    }
    out.putShort((short) 0x3FC0).putShort((short) 0xC2F7).putDouble(0.1).putLong(5);
    Files.write(file, out.array());
    Safetensors.Tensors read = Safetensors.read(file);
    assertArrayEquals(
        new float[] {1, -2, 0x1p-24f, 65504, Float.POSITIVE_INFINITY, -0f, 0.333251953125f},
        read.get("h").floats());
    assertArrayEquals(new float[] {1.5f, -123.5f}, read.get("b").floats());
    assertArrayEquals(new float[] {0.1f}, read.get("d").floats());
    assertEquals("F32", read.get("h").toF32().dtype());
    assertThrows(IllegalArgumentException.class, () -> read.get("i").floats());
  }

  @Test
  void refusesHolesAndOverlaps() throws IOException {
    write("{" + entry("a", "[1]", 0, 4) + "," + entry("b", "[1]", 8, 12) + "}", 12);
    assertTrue(error().contains("tensor b begins at byte 8, expected 4"));
    write("{" + entry("a", "[2]", 0, 8) + "," + entry("b", "[1]", 4, 8) + "}", 8);
    assertTrue(error().contains("tensor b begins at byte 4, expected 8"));
    write("{" + entry("a", "[1]", 4, 8) + "}", 8);
    assertTrue(error().contains("begins at byte 4, expected 0"));
    write("{" + entry("a", "[1]", 0, 4) + "}", 5);
    assertTrue(error().contains("need 4 bytes of data, the file has 5"));
    write("{" + entry("a", "[1]", 0, 4) + "}", 3);
    assertTrue(error().contains("need 4 bytes of data, the file has 3"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}|needs 8 bytes",
        "{'a':{'dtype':'F31','shape':[1],'data_offsets':[0,4]}}|F31",
        "{'a':{'dtype':'F32','shape':[-1],'data_offsets':[0,4]}}|no size",
        "{'a':{'dtype':'F32','shape':[1.0],'data_offsets':[0,4]}}|no size",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,0]}}|needs 4 bytes",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0]}}|expected dtype",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4],'x':1}}|expected dtype",
        "{'a':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,4]}}|too many",
        "{'a':{'dtype':'F32','shape':[536870912],'data_offsets':[0,2147483648]}}|more than one"
            + " tensor",
        "{'a':[]}|expected dtype",
        "{'__metadata__':{'a':1}}|__metadata__",
        "{'__metadata__':1}|__metadata__",
        "[]|JSON object",
        "{'a':|line 1",
      })
  void refusesBadHeaders(String header, String expected) throws IOException {
    write(header.replace('\'', '"'), 4);
    String message = error();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void refusesHugeHeaders() throws IOException {
    for (long size :
        new long[] {-1, 0, 1, 3, Safetensors.MAX_HEADER + 1L, Long.MAX_VALUE, Long.MIN_VALUE}) {
      Files.write(
          file, ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(size).array());
      assertTrue(error().contains("header of " + Long.toUnsignedString(size) + " bytes"));
    }
    // Large enough for the header that it claims, but sparse.
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(Safetensors.MAX_HEADER + 100L);
    }
    assertTrue(error().contains("header of"));
  }

  @Test
  void everyTruncationIsAnError() throws IOException {
    Safetensors.write(
        file, Map.of("a", Tensor.of("a", new long[] {3}, new float[] {1, 2, 3})), Map.of());
    byte[] whole = Files.readAllBytes(file);
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      error();
    }
    Files.write(file, Arrays.copyOf(whole, whole.length + 1));
    error();
  }

  @Test
  void refusesWhatIsNoFile() throws IOException {
    assertTrue(error().contains("found none"));
    Files.createDirectory(file);
    assertTrue(error().contains("found a directory"));
  }

  @Test
  void tensorChecksItsSizes() {
    ByteBuffer four = ByteBuffer.allocateDirect(4);
    long[] one = {1};
    assertThrows(
        IllegalArgumentException.class, () -> new Tensor("a", "F32", new long[] {2}, four));
    assertThrows(
        IllegalArgumentException.class, () -> new Tensor("a", "F32", new long[] {-1}, four));
    assertThrows(IllegalArgumentException.class, () -> new Tensor("a", "X", one, four));
    assertThrows(
        IllegalArgumentException.class, () -> new Tensor("a", "F32", one, ByteBuffer.allocate(4)));
    Tensor tensor = new Tensor("a", "F32", one, four);
    tensor.data().getFloat();
    assertTrue(tensor.data().hasRemaining(), "views have positions of their own");
    tensor.shape()[0] = 5;
    assertEquals(1, tensor.elements());
    assertFalse(tensor.named("b").name().equals(tensor.name()));
  }
}
