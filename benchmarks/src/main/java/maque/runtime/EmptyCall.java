package maque.runtime;

/**
 * The call that does nothing, for measuring what crossing into native code costs. It is no part of
 * the public interface, hence this package.
 */
public final class EmptyCall {
  private final int[] ids = new int[32];
  private final float[] out = new float[8];

  public EmptyCall() {
    Maque.load();
  }

  public int run() {
    return MaqueNative.nothing(ids, out);
  }
}
