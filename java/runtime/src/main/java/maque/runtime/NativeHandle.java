package maque.runtime;

import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * Owns one native object through its 64-bit handle. Meant for Maque's own modules. Thread-safe.
 *
 * <p>The handle is freed once: by {@link #close()}, or, should that be forgotten, after the owner
 * has become unreachable, when the next handle is made or closed, or {@link #freeForgotten()} is
 * called. That takes no thread: {@link java.lang.ref.Cleaner} would start one. A caller that passes
 * {@link #get()} to native code keeps the owner reachable for as long as the call takes.
 */
public final class NativeHandle implements AutoCloseable {
  private static final ReferenceQueue<Object> FORGOTTEN = new ReferenceQueue<>();

  /** Keeps the references themselves reachable until their handles are freed. */
  private static final Set<Owned> OPEN = ConcurrentHashMap.newKeySet();

  /** Apart from the handle's object, which nothing here may keep reachable. */
  private static final class Owned extends PhantomReference<Object> {
    private final AtomicLong handle;
    private final LongConsumer free;

    Owned(Object owner, long handle, LongConsumer free) {
      super(owner, FORGOTTEN);
      this.handle = new AtomicLong(handle);
      this.free = free;
      OPEN.add(this);
    }

    /** Takes the handle away; 0 where that has been done. */
    long take() {
      OPEN.remove(this);
      return handle.getAndSet(0);
    }

    void free() {
      long value = take();
      if (value != 0) {
        free.accept(value);
      }
    }
  }

  private final String name;
  private final Owned owned;

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
    owned = new Owned(owner, handle, free);
    freeForgotten();
  }

  /** Frees the handles whose owners have become unreachable. */
  static void freeForgotten() {
    for (Reference<?> next = FORGOTTEN.poll(); next != null; next = FORGOTTEN.poll()) {
      ((Owned) next).free();
    }
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
    long handle = owned.take();
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
    owned.free();
    freeForgotten();
  }
}
