package maque.training;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * Random numbers as a pure function of (seed, stream, index): the output function of SplitMix64
 * (Steele, Lea and Flood, 2014) on a counter. The same numbers on every machine: only integer
 * arithmetic and {@link StrictMath}.
 */
final class SeededRandom {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private final long key;
  private long next;

  SeededRandom(long seed, long stream) {
    key = mix(seed + GOLDEN) ^ mix(stream * GOLDEN + 1);
  }

  /** A stream named by text, such as a tensor's name. */
  SeededRandom(long seed, String stream) {
    this(seed, crc(stream));
  }

  private static long crc(String text) {
    CRC32C crc = new CRC32C();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return crc.getValue();
  }

  /** A bijection of 64-bit words in which every input bit reaches every output bit. */
  static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  long nextLong() {
    return mix(key + GOLDEN * ++next);
  }

  /** Uniform in [0, bound), by the high half of a product; the bias is below bound / 2^32. */
  int nextInt(int bound) {
    return (int) (((nextLong() >>> 32) * bound) >>> 32);
  }

  /** Uniform in [0, 1) with 53 bits. */
  double nextDouble() {
    return (nextLong() >>> 11) * 0x1.0p-53;
  }

  /** Standard normal, by Box and Muller's transform. */
  double nextGaussian() {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - nextDouble()));
    return radius * StrictMath.cos(2 * StrictMath.PI * nextDouble());
  }

  /** Fills with uniform values in (-bound, bound). */
  float[] uniform(int n, double bound) {
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) ((2 * nextDouble() - 1) * bound);
    }
    return out;
  }

  /** Fills with normal values of the given standard deviation. */
  float[] normal(int n, double sd) {
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) (nextGaussian() * sd);
    }
    return out;
  }
}
