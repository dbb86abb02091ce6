package maque.runtime;

/**
 * The float arithmetic of the native kernels in plain Java: {@code kernels/math.h}'s exp, sigmoid
 * and tanh, which give the formulas and their errors. The same bits where the processor has fused
 * multiply-add.
 */
final class JavaMath {
  /**
   * Whether Math.fma is one instruction here; where it is not, Java computes it in BigDecimal, some
   * hundred times slower than {@link #emulated}.
   */
  private static final boolean FUSED = isFused();

  private static final int PROBES = 200;
  private static final int PROBE_ROUNDS = 8;

  /** Far above an instruction's time, interpreted too, far below BigDecimal's, compiled too. */
  private static final long PROBE_NANOS = 150L * PROBES;

  private static final float ROUND = 12582912.0f;
  private static final float LOG2E = 1.44269504088896340736f;
  private static final float LN2_HIGH = 0.693145751953125f;
  private static final float LN2_LOW = 1.42860682030941723212e-6f;

  private JavaMath() {}

  private static boolean isFused() {
    float sum = 1;
    for (int round = 0; round < PROBE_ROUNDS; round++) {
      long start = System.nanoTime();
      for (int i = 0; i < PROBES; i++) {
        sum = Math.fma(0.7182818f, sum, 1.4142135e-3f);
      }
      if (System.nanoTime() - start < PROBE_NANOS && sum != 0) {
        return true;
      }
    }
    return false;
  }

  /** a * b + c, rounded once where the processor can. */
  static float fma(float a, float b, float c) {
    return FUSED ? Math.fma(a, b, c) : emulated(a, b, c);
  }

  /**
   * The same from operations in double: the product is exact, the sum is rounded to double and then
   * to float, which differs from one rounding in about one case of 2^29, by one unit in the last
   * place.
   */
  static float emulated(float a, float b, float c) {
    return (float) ((double) a * b + c);
  }

  static float exp(float x) {
    float least = -104.0f > x ? -104.0f : x;
    float clamped = 89.0f < least ? 89.0f : least;
    float shifted = fma(clamped, LOG2E, ROUND);
    float n = shifted - ROUND;
    float r = fma(-n, LN2_LOW, fma(-n, LN2_HIGH, clamped));
    float p = fma(0.000197903311f, r, 0.00139446708f);
    p = fma(p, r, 0.00833349675f);
    p = fma(p, r, 0.0416662954f);
    p = fma(p, r, 0.166666657f);
    p = fma(p, r, 0.5f);
    p = fma(r * r, p, r) + 1.0f;
    int exponent = Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(ROUND);
    int half = exponent >> 1;
    float scale1 = Float.intBitsToFloat((half + 127) << 23);
    float scale2 = Float.intBitsToFloat((exponent - half + 127) << 23);
    return x == x ? p * scale1 * scale2 : x;
  }

  static float sigmoid(float x) {
    float e = exp(-Math.abs(x));
    return (x < 0 ? e : 1.0f) / (1.0f + e);
  }

  static float tanh(float x) {
    float magnitude = Math.abs(x);
    float result;
    if (magnitude < 0.625f) {
      float square = x * x;
      float p = fma(0.00214296975f, square, -0.00817740802f);
      p = fma(p, square, 0.0217007082f);
      p = fma(p, square, -0.0539467633f);
      p = fma(p, square, 0.133332059f);
      p = fma(p, square, -0.333333313f);
      result = fma(magnitude * square, p, magnitude);
    } else {
      result = 1.0f - 2.0f / (exp(magnitude + magnitude) + 1.0f);
    }
    int sign = Float.floatToRawIntBits(x) & 0x80000000;
    return Float.intBitsToFloat(Float.floatToRawIntBits(result) | sign);
  }
}
