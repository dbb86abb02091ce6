package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class NativeHandleTest {
  /** What a model is here: an object whose handle dies with it. */
  private static final class Owner {
    final NativeHandle handle;

    Owner(long value, Set<Long> freed, AtomicInteger calls) {
      handle =
          new NativeHandle(
              this,
              "owner",
              value,
              h -> {
                calls.incrementAndGet();
                freed.add(h);
              });
    }
  }

  @Test
  void everyHandleIsFreedOnceClosedOrForgotten() throws Exception {
    Set<Long> freed = ConcurrentHashMap.newKeySet();
    AtomicInteger calls = new AtomicInteger();
    List<Owner> owners = new ArrayList<>();
    for (long value = 1; value <= 200; value++) {
      owners.add(new Owner(value, freed, calls));
    }
    for (int i = 0; i < 100; i++) {
      owners.get(i).handle.close();
      owners.get(i).handle.close();
    }
    assertEquals(100, calls.get());
    owners.clear();
    long end = System.nanoTime() + 20_000_000_000L;
    while (calls.get() < 200 && System.nanoTime() < end) {
      System.gc();
      Thread.sleep(10);
      NativeHandle.freeForgotten();
    }
    assertEquals(LongStream.rangeClosed(1, 200).boxed().collect(Collectors.toSet()), freed);
    assertEquals(200, calls.get());
  }

  /** No call for it is needed where handles come and go. */
  @Test
  void theNextHandleFreesForgottenOnes() throws Exception {
    Set<Long> freed = ConcurrentHashMap.newKeySet();
    AtomicInteger calls = new AtomicInteger();
    new Owner(1, freed, calls);
    long end = System.nanoTime() + 20_000_000_000L;
    long next = 2;
    while (!freed.contains(1L) && System.nanoTime() < end) {
      System.gc();
      Thread.sleep(10);
      new Owner(next++, freed, calls).handle.close();
    }
    assertTrue(freed.contains(1L));
  }

  @Test
  void aReleasedHandleIsNotFreed() {
    Set<Long> freed = ConcurrentHashMap.newKeySet();
    Owner owner = new Owner(7, freed, new AtomicInteger());
    assertEquals(7, owner.handle.release());
    assertTrue(owner.handle.isClosed());
    assertThrows(IllegalStateException.class, owner.handle::get);
    assertThrows(IllegalStateException.class, owner.handle::release);
    owner.handle.close();
    assertEquals(Set.of(), freed);
  }
}
