package maque.training;

/**
 * A permutation of [0, n) that needs no memory: a Feistel network over the next even number of
 * bits, walked along its cycle until it lands below n (Black and Rogaway, "Ciphers with arbitrary
 * finite domains", 2002). Keyed by numbers such as seed and epoch, so that an order can be entered
 * anywhere. Immutable.
 */
public final class KeyedPermutation {
  private static final int ROUNDS = 6;

  private final long n;
  private final int half;
  private final long mask;
  private final long[] keys = new long[ROUNDS];

  /**
   * @param n size, 0 .. 2^60
   * @param key numbers that choose the permutation
   */
  public KeyedPermutation(long n, long... key) {
    if (n < 0 || n > 1L << 60) {
      throw new IllegalArgumentException("size of a permutation: " + n);
    }
    this.n = n;
    int bits = 64 - Long.numberOfLeadingZeros(Math.max(1, n - 1));
    half = (bits + 1) / 2;
    mask = (1L << half) - 1;
    long state = 0;
    for (long part : key) {
      state = SeededRandom.mix(state + SeededRandom.mix(part + 0x9E3779B97F4A7C15L));
    }
    SeededRandom random = new SeededRandom(state, key.length);
    for (int r = 0; r < ROUNDS; r++) {
      keys[r] = random.nextLong();
    }
  }

  public long size() {
    return n;
  }

  /** The element at a position of [0, n). */
  public long at(long position) {
    if (position < 0 || position >= n) {
      throw new IndexOutOfBoundsException(position + " of " + n);
    }
    long x = position;
    do {
      x = rounds(x);
    } while (x >= n);
    return x;
  }

  private long rounds(long x) {
    long left = x >>> half;
    long right = x & mask;
    for (long k : keys) {
      long swap = right;
      right = left ^ (SeededRandom.mix(right ^ k) & mask);
      left = swap;
    }
    return left << half | right;
  }
}
