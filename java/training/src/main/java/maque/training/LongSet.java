package maque.training;

/** Numbers, open addressing, 11 to 27 bytes each. */
final class LongSet {
  private long[] slots = new long[1024];
  private boolean hasZero;
  private int size;

  /** Adds a number, best a hash; false where it is there already. */
  boolean add(long number) {
    if (number == 0) {
      boolean added = !hasZero;
      hasZero = true;
      return added;
    }
    int slot = slot(slots, number);
    if (slots[slot] == number) {
      return false;
    }
    slots[slot] = number;
    if (++size > slots.length / 4 * 3) {
      grow();
    }
    return true;
  }

  private static int slot(long[] slots, long number) {
    int mask = slots.length - 1;
    int slot = (int) number & mask;
    while (slots[slot] != 0 && slots[slot] != number) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void grow() {
    long[] larger = new long[Math.multiplyExact(slots.length, 2)];
    for (long number : slots) {
      if (number != 0) {
        larger[slot(larger, number)] = number;
      }
    }
    slots = larger;
  }
}
