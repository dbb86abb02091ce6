package maque.training.imports;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import maque.runtime.ModelFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Finding a BERT in small graphs whose names tell nothing, and refusing what is broken. */
class OnnxBertGraphTest {
  private static OnnxBertGraph read(byte[] file) {
    return new OnnxBertGraph(OnnxGraph.parse(ByteBuffer.wrap(file), "tiny.onnx"));
  }

  private static float[] contents(OnnxBertGraph.Weight weight) {
    OnnxTensor tensor = weight.tensor();
    ByteBuffer data = tensor.data();
    if (weight.transposed()) {
      data = EncoderDirectory.transposed(data, (int) tensor.dims()[0], (int) tensor.dims()[1]);
    }
    float[] values = new float[data.remaining() / 4];
    data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static void assertFinds(TinyBertOnnx tiny) {
    OnnxBertGraph bert = read(tiny.toBytes());
    assertEquals(tiny.weights.keySet(), bert.weights.keySet());
    bert.weights.forEach(
        (name, weight) -> assertArrayEquals(tiny.weights.get(name), contents(weight), name));
    assertEquals(List.of(), bert.unused());
    assertEquals(TinyBertOnnx.LAYERS, bert.layers);
    assertEquals(TinyBertOnnx.HIDDEN, bert.hidden);
    assertEquals(TinyBertOnnx.HEADS, bert.heads);
    assertEquals(TinyBertOnnx.INNER, bert.intermediate);
    assertEquals(TinyBertOnnx.VOCABULARY, bert.vocabulary);
    assertEquals(TinyBertOnnx.POSITIONS, bert.positions);
    assertEquals(1e-5f, bert.eps);
    assertEquals(tiny.pooler, bert.pooler);
  }

  @ParameterizedTest
  @EnumSource(TinyBertOnnx.Dialect.class)
  void findsEveryWeight(TinyBertOnnx.Dialect dialect) {
    for (OnnxWriter.Form form : OnnxWriter.Form.values()) {
      for (boolean pooler : new boolean[] {true, false}) {
        TinyBertOnnx tiny = new TinyBertOnnx(dialect);
        tiny.writer.form = form;
        tiny.pooler = pooler;
        assertFinds(tiny);
      }
    }
  }

  @Test
  void tellsTheActivation() {
    assertEquals("gelu", read(new TinyBertOnnx(TinyBertOnnx.Dialect.SPELT).toBytes()).activation);
    assertEquals(
        "gelu_new", read(new TinyBertOnnx(TinyBertOnnx.Dialect.COMPACT).toBytes()).activation);
  }

  @Test
  void worksWithoutTokenTypes() {
    TinyBertOnnx tiny = new TinyBertOnnx(TinyBertOnnx.Dialect.SPELT);
    tiny.typeInput = false;
    assertFinds(tiny);
    assertEquals(0, read(new TinyWithoutTypes().bytes()).types);
  }

  private record TinyWithoutTypes() {
    byte[] bytes() {
      TinyBertOnnx tiny = new TinyBertOnnx(TinyBertOnnx.Dialect.COMPACT);
      tiny.typeInput = false;
      return tiny.toBytes();
    }
  }

  @Test
  void listsWeightsOfOtherParts() {
    TinyBertOnnx tiny = new TinyBertOnnx(TinyBertOnnx.Dialect.SPELT);
    tiny.writer.initializer(tiny.writer.tensor("cls.bias", new float[3], 3));
    assertEquals(List.of("cls.bias"), read(tiny.toBytes()).unused());
  }

  @Test
  void refusesAnotherAttentionScale() {
    TinyBertOnnx tiny = new TinyBertOnnx(TinyBertOnnx.Dialect.SPELT);
    tiny.attentionScale = 1.5f;
    assertMessage(tiny.toBytes(), "attention scores");
  }

  @Test
  void refusesWrongShapes() {
    OnnxWriter writer = new OnnxWriter();
    byte[] tooFew = writer.initializer(writer.tensor("w", new float[5], 2, 3)).toBytes();
    assertMessage(tooFew, "24 bytes for the shape [2, 3] of w, found 20");
    writer = new OnnxWriter();
    byte[] huge =
        writer.initializer(writer.tensor("w", new float[1], 1L << 20, 1L << 20)).toBytes();
    assertMessage(huge, "product is below 2^31");
    writer = new OnnxWriter();
    byte[] negative = writer.initializer(writer.tensor("w", new float[1], -1)).toBytes();
    assertMessage(negative, "product is below 2^31");
    writer = new OnnxWriter();
    assertMessage(
        writer.initializer(writer.tensor("w", new float[1], 1).integer(14, 1)).toBytes(),
        "external data");
  }

  @Test
  void refusesGraphsThatAreNoBert() {
    assertMessage(new byte[0], "no graph");
    assertMessage(new OnnxWriter().toBytes(), "embeddings");
    OnnxWriter circle =
        new OnnxWriter()
            .node("Identity", "a", "b")
            .node("Identity", "b", "a")
            .node("Relu", "c", "a");
    assertMessage(circle.toBytes(), "without cycles");
  }

  private static void assertMessage(byte[] file, String part) {
    ModelFormatException e = assertThrows(ModelFormatException.class, () -> read(file));
    assertTrue(e.getMessage().contains(part), e.getMessage());
    assertTrue(e.getMessage().startsWith("tiny.onnx: "), e.getMessage());
  }

  @Test
  void everyTruncationIsRefused() {
    byte[] whole = new TinyBertOnnx(TinyBertOnnx.Dialect.SPELT).toBytes();
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      ModelFormatException e = assertThrows(ModelFormatException.class, () -> read(cut));
      assertTrue(e.getMessage().startsWith("tiny.onnx: "), e.getMessage());
    }
  }

  /**
   * A flipped bit gives a typed exception or a model of the same form (the bit lay in a weight or
   * in an unread field).
   */
  @Test
  void flippedBitsAreAnswered() {
    for (TinyBertOnnx.Dialect dialect : TinyBertOnnx.Dialect.values()) {
      byte[] whole = new TinyBertOnnx(dialect).toBytes();
      int flips = 0;
      int refused = 0;
      for (int i = 0;
          i < whole.length * 8;
          i += 13) { // 13 and 8 share no factor: every bit of a byte has its turn
        byte[] flipped = whole.clone();
        flipped[i / 8] ^= (byte) (1 << i % 8);
        flips++;
        refused += isRefused(flipped) ? 1 : 0;
      }
      assertTrue(refused > flips / 8, "only " + refused + " of " + flips + " flips refused");
    }
  }

  @Test
  void randomBytesAreAnswered() {
    Random random = new Random(9);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = new byte[random.nextInt(64)];
      random.nextBytes(bytes);
      refused += isRefused(bytes) ? 1 : 0;
    }
    assertEquals(20_000, refused);
  }

  /** Any other exception than the typed one fails the test. */
  private static boolean isRefused(byte[] file) {
    try {
      OnnxBertGraph bert = read(file);
      List<String> shapes = new ArrayList<>();
      bert.weights.forEach((name, weight) -> shapes.add(name + weight.tensor().dims().length));
      assertFalse(shapes.isEmpty());
      bert.weights.values().forEach(OnnxBertGraphTest::contents);
      return false;
    } catch (ModelFormatException e) {
      return true;
    }
  }
}
