package maque.runtime;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * Owns one native object through its 64-bit handle. Meant for Maque's own modules. Thread-safe.
 *
 * <p>The handle is freed once: by {@link #close()}, or, should that be forgotten, after the owner
 * has become unreachable. A caller that passes {@link #get()} to native code keeps the owner
 * reachable for as long as the call takes.
 */
public final class NativeHandle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  /** Apart from the handle's object, which the cleaner must not keep reachable. */
  private static final class Owned implements Runnable {
    private final AtomicLong handle;
    private final LongConsumer free;

    Owned(long handle, LongConsumer free) {
      this.handle = new AtomicLong(handle);
      this.free = free;
    }

    @Override
    public void run() {
      long value = handle.getAndSet(0);
      if (value != 0) {
        free.accept(value);
      }
    }
  }

  private final String name;
  private final Owned owned;
  private final Cleaner.Cleanable cleanable;

  /**
   * Takes ownership.
   *
   * @param owner the object whose unreachability ends the handle's life
   * @param name what an error calls the object, e.g. {@code student}
   * @param handle not 0
   * @param free frees a handle; must not refer to the owner
   */
  public NativeHandle(Object owner, String name, long handle, LongConsumer free) {
    this.name = name;
    owned = new Owned(handle, free);
    cleanable = CLEANER.register(owner, owned);
  }

  /**
   * The handle.
   *
   * @throws IllegalStateException after {@link #close()}
   */
  public long get() {
    long handle = owned.handle.get();
    if (handle == 0) {
      throw closed();
    }
    return handle;
  }

  /**
   * Gives the handle up without freeing it, to who owns it next; afterwards this is closed.
   *
   * @throws IllegalStateException after {@link #close()}
   */
  public long release() {
    long handle = owned.handle.getAndSet(0);
    if (handle == 0) {
      throw closed();
    }
    return handle;
  }

  /** What use after close throws. */
  public IllegalStateException closed() {
    return new IllegalStateException("this " + name + " is closed");
  }

  public boolean isClosed() {
    return owned.handle.get() == 0;
  }

  /** Frees the native object; a second call does nothing. */
  @Override
  public void close() {
    cleanable.clean();
  }
}
