package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  private static final ObjectMapper JACKSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_LONG_FOR_INTS)
          .build();

  /** Bytes that JSON is made of, and two that are no UTF-8 alone. */
  private static final byte[] DAMAGE =
      "{}[]\",:0123456789eE.+- \\untrf\u0080\u00ff".getBytes(StandardCharsets.ISO_8859_1);

  private static Object parse(String text) {
    return Json.parse(text.getBytes(StandardCharsets.UTF_8), "test");
  }

  @Test
  void readsEveryKindOfValue() {
    Map<String, Object> expected = new LinkedHashMap<>();
    expected.put("a", Arrays.asList(1L, -2.5, true, false, null));
    expected.put("麻雀", "\"\\/\b\f\n\r\t é 😀");
    assertEquals(
        expected,
        parse(
            " {\"a\" : [1, -25e-1, true, false, null],\n \"麻雀\":"
                + "\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9 \\uD83D\\ude00\" } "));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1,}", "{a:1}", "{1:1}",
            "[1 2]", "01", "-", "+1",
        "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "tru", "nulL", "'a'", "\"a", "\"\\x\"",
            "\"\\u12G4\"", "\"a\nb\"", "1 2", "[]]",
        "\u00a01", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\uD83D\uDE00\"", "{\"a\":1,\"a\":1}",
            "9223372036854775808", "1e999", "\uFEFF1"
      })
  void refusesWhatIsNotJson(String text) {
    ModelFormatException e = assertThrows(ModelFormatException.class, () -> parse(text));
    assertTrue(e.getMessage().startsWith("test: line "), e.getMessage());
  }

  @Test
  void errorsNameLineAndColumn() {
    String message =
        assertThrows(ModelFormatException.class, () -> parse("{\n  \"a\": 1,\n  \"a\": 2\n}"))
            .getMessage();
    assertEquals("test: line 3, column 3: key \"a\" a second time", message);
  }

  @Test
  void refusesInvalidUtf8() {
    for (byte[] bytes :
        List.of(
            new byte[] {'"', (byte) 0xFF, '"'},
            new byte[] {'"', (byte) 0xC0, (byte) 0x80, '"'},
            new byte[] {'"', (byte) 0xED, (byte) 0xA0, (byte) 0x80, '"'},
            new byte[] {'"', (byte) 0xE4, (byte) 0xB8})) {
      String message =
          assertThrows(ModelFormatException.class, () -> Json.parse(bytes, "test")).getMessage();
      assertEquals("test: line 1: invalid UTF-8 at byte 1", message);
    }
  }

  @Test
  void boundsDepthAndSize(@TempDir Path directory) throws IOException {
    parse("[".repeat(Json.MAX_DEPTH) + "]".repeat(Json.MAX_DEPTH));
    int deep = 1_000_000;
    assertThrows(ModelFormatException.class, () -> parse("[".repeat(deep) + "]".repeat(deep)));
    assertThrows(ModelFormatException.class, () -> parse("{\"a\":".repeat(Json.MAX_DEPTH + 1)));

    Path large = directory.resolve("large.json");
    Files.write(large, new byte[Json.MAX_BYTES + 1]);
    String message = assertThrows(ModelFormatException.class, () -> Json.read(large)).getMessage();
    assertTrue(message.contains(large.toString()) && message.contains("more than"), message);
    assertThrows(ModelFormatException.class, () -> Json.read(directory));
    assertThrows(ModelFormatException.class, () -> Json.read(directory.resolve("none")));
  }

  /** Whole numbers stay whole, and a double reads back as the double that was written. */
  @Test
  void numbersAreExact() {
    assertEquals(Long.MAX_VALUE, parse("9223372036854775807"));
    assertEquals(Long.MIN_VALUE, parse("-9223372036854775808"));
    assertEquals(1.0, parse("1.0"));
    Random random = new Random(1);
    for (int i = 0; i < 5_000; i++) {
      double value = Double.longBitsToDouble(random.nextLong());
      float single = Float.intBitsToFloat(random.nextInt());
      if (Double.isFinite(value)) {
        assertEquals(value, parse(Json.line(value)));
      }
      if (Float.isFinite(single)) {
        assertEquals(single, ((Double) parse(Json.line(single))).floatValue());
      }
    }
  }

  @Test
  void doublesHaveTheFewestDigits() {
    Map<Number, String> expected = new LinkedHashMap<>();
    expected.put(0.1, "0.1");
    expected.put(0.1f, "0.1");
    expected.put(2e-3, "0.002");
    expected.put(1e-12, "1e-12");
    expected.put(-1.5e300, "-1.5e300");
    expected.put(100.0, "100.0");
    expected.put(-0.0, "-0.0");
    expected.put(
        2e23,
        "2e23"); // Double.toString gives 2.0E23 on some Java versions, 1.9999999999999998E23 on
    // others
    expected.put(Double.MIN_VALUE, "5e-324");
    expected.put(123456789012345680.0, "1.2345678901234568e17");
    expected.forEach((value, text) -> assertEquals(text, Json.line(value)));
  }

  @Test
  void writesTheSameBytesForTheSameValue() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("b", List.of(1, 2L, (short) 3));
    map.put("a", Map.of());
    map.put("c", List.of(Map.of("x", "\u0001\"é"), List.of()));
    String expected =
        "{\n"
            + "  \"b\": [1, 2, 3],\n"
            + "  \"a\": {},\n"
            + "  \"c\": [\n"
            + "    {\n"
            + "      \"x\": \"\\u0001\\\"é\"\n"
            + "    },\n"
            + "    []\n"
            + "  ]\n"
            + "}\n";
    assertEquals(expected, new String(Json.write(map), StandardCharsets.UTF_8));
    assertThrows(IllegalArgumentException.class, () -> Json.write(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> Json.write("\ud800"));
    assertThrows(IllegalArgumentException.class, () -> Json.write(new Object()));
    assertThrows(IllegalArgumentException.class, () -> Json.write(Map.of(1, 2)));
  }

  @Test
  void agreesWithJacksonOnRandomDocuments() throws IOException {
    Random random = new Random(2);
    for (int i = 0; i < 5_000; i++) {
      Object value = value(random, 0);
      byte[] ours = Json.write(value);
      assertEquals(value, JACKSON.readValue(ours, Object.class));
      assertEquals(value, Json.parse(ours, "test"));
      assertEquals(value, parse(Json.line(value)));
      byte[] theirs = JACKSON.writeValueAsBytes(value);
      assertEquals(value, Json.parse(theirs, "test"));
      assertArrayEquals(ours, Json.write(Json.parse(theirs, "test")));
    }
  }

  /**
   * What we accept, Jackson accepts with the same value; what only Jackson accepts is on our list.
   */
  @Test
  void agreesWithJacksonOnDamagedDocuments() {
    Random random = new Random(3);
    int accepted = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = Json.line(value(random, 0)).getBytes(StandardCharsets.UTF_8);
      for (int edits = random.nextInt(3); edits >= 0; edits--) {
        bytes[random.nextInt(bytes.length)] = DAMAGE[random.nextInt(DAMAGE.length)];
      }
      accepted += compare(bytes) ? 1 : 0;
    }
    assertTrue(accepted > 1_000, "only " + accepted + " documents were still valid");
  }

  private static boolean compare(byte[] bytes) {
    Object theirs = null;
    boolean valid = true;
    try {
      theirs = JACKSON.readValue(bytes, Object.class);
    } catch (JsonProcessingException e) {
      valid = false;
    } catch (IOException e) {
      valid = false; // malformed UTF-8
    }
    try {
      Object ours = Json.parse(bytes, "test");
      String text = new String(bytes, StandardCharsets.UTF_8);
      assertTrue(valid, () -> "Jackson refuses " + text);
      assertEquals(theirs, ours);
      return true;
    } catch (ModelFormatException e) {
      if (valid && !e.getMessage().matches(".*(beyond|lone surrogate|UTF-8).*")) {
        fail("Jackson accepts " + new String(bytes, StandardCharsets.UTF_8), e);
      }
      return false;
    }
  }

  private static Object value(Random random, int depth) {
    switch (random.nextInt(depth < 4 ? 8 : 6)) {
      case 0:
        return null;
      case 1:
        return random.nextBoolean();
      case 2:
        return random.nextLong() >> random.nextInt(64);
      case 3:
        return random.nextGaussian() * Math.pow(10, random.nextInt(40) - 20);
      case 4, 5:
        return text(random);
      case 6:
        List<Object> list = new ArrayList<>();
        for (int n = random.nextInt(5); n > 0; n--) {
          list.add(value(random, depth + 1));
        }
        return list;
      default:
        Map<String, Object> map = new LinkedHashMap<>();
        for (int n = random.nextInt(5); n > 0; n--) {
          map.put(text(random), value(random, depth + 1));
        }
        return map;
    }
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int n = random.nextInt(8); n > 0; n--) {
      int c =
          switch (random.nextInt(4)) {
            case 0 -> random.nextInt(0x80);
            case 1 -> random.nextInt(0x800);
            case 2 -> 0x4E00 + random.nextInt(0x5000);
            default -> 0x10000 + random.nextInt(0x100000);
          };
      text.appendCodePoint(c);
    }
    return text.toString();
  }
}
