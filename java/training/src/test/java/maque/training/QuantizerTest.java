package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import maque.runtime.InvalidInputException;
import maque.runtime.Tensor;
import org.junit.jupiter.api.Test;

class QuantizerTest {
  private static Map<String, Tensor> quantized(Precision precision, float[] values, int rows) {
    Map<String, Tensor> out = new LinkedHashMap<>();
    new Quantizer(precision, out).weight("w", values, rows, values.length / rows);
    return out;
  }

  private static byte[] bytes(Tensor tensor) {
    byte[] bytes = new byte[tensor.data().remaining()];
    tensor.data().get(bytes);
    return bytes;
  }

  @Test
  void int8IsSymmetricPerRowAndRoundsHalfToEven() {
    float[] values = {127, -127, 0.5f, 1.5f, -2.5f, 63.4f, 0, 0, 0, 0, 0, 0, 1, -2, 0, 0, 0, 0};
    Map<String, Tensor> out = quantized(Precision.INT8, values, 3);
    assertArrayEquals(new float[] {1, 0, 2f / 127}, out.get("w.scale").floats());
    byte[] expected = {127, -127, 0, 2, -2, 63, 0, 0, 0, 0, 0, 0, 64, -127, 0, 0, 0, 0};
    assertArrayEquals(expected, bytes(out.get("w")));
    assertEquals("I8", out.get("w").dtype());
  }

  @Test
  void int8IsWithinHalfAStep() {
    Random random = new Random(3);
    float[] values = new float[40 * 25];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(80) - 45));
    }
    Map<String, Tensor> out = quantized(Precision.INT8, values, 40);
    float[] scales = out.get("w.scale").floats();
    byte[] found = bytes(out.get("w"));
    for (int i = 0; i < values.length; i++) {
      float scale = scales[i / 25];
      assertTrue(found[i] >= -127);
      assertEquals(values[i], (double) found[i] * scale, 0.5001 * scale + Float.MIN_VALUE * 64);
    }
  }

  @Test
  void bf16RoundsToNearestEven() {
    float[] values = {
      1,
      Float.intBitsToFloat(0x3F808000),
      Float.intBitsToFloat(0x3F818000),
      Float.intBitsToFloat(0x3F808001),
      Float.intBitsToFloat(0xBF80FFFF),
      Float.MIN_VALUE,
      -0f
    };
    float[] expected = {
      1,
      1,
      Float.intBitsToFloat(0x3F820000),
      Float.intBitsToFloat(0x3F810000),
      Float.intBitsToFloat(0xBF810000),
      0,
      -0f
    };
    assertArrayEquals(expected, quantized(Precision.BF16, values, 1).get("w").floats());
    assertThrows(
        InvalidInputException.class,
        () -> quantized(Precision.BF16, new float[] {Float.MAX_VALUE}, 1));
  }

  @Test
  void fp32Stays() {
    float[] values = {1.1f, -2.2f};
    assertArrayEquals(values, quantized(Precision.FP32, values, 2).get("w").floats());
  }
}
