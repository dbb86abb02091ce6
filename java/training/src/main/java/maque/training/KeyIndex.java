package maque.training;

import java.util.Arrays;

/** A hash table from 128-bit keys to numbers, open addressing, about 40 bytes a key. */
final class KeyIndex {
  private static final int ABSENT = -1;

  private long[] high = new long[1024];
  private long[] low = new long[1024];
  private long[] values = empty(1024);
  private int size;

  private static long[] empty(int n) {
    long[] values = new long[n];
    Arrays.fill(values, ABSENT);
    return values;
  }

  int size() {
    return size;
  }

  /** The number of a key, or -1. */
  long get(long keyHigh, long keyLow) {
    return values[slot(keyHigh, keyLow)];
  }

  /** Sets the number (0 or more) of a key. */
  void put(long keyHigh, long keyLow, long value) {
    int slot = slot(keyHigh, keyLow);
    if (values[slot] == ABSENT) {
      size++;
    }
    high[slot] = keyHigh;
    low[slot] = keyLow;
    values[slot] = value;
    if (size > values.length / 2 + values.length / 8) {
      grow();
    }
  }

  private int slot(long keyHigh, long keyLow) {
    int mask = values.length - 1;
    int slot = (int) keyLow & mask;
    while (values[slot] != ABSENT && (high[slot] != keyHigh || low[slot] != keyLow)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void grow() {
    long[] oldHigh = high;
    long[] oldLow = low;
    long[] oldValues = values;
    int length = Math.multiplyExact(values.length, 2);
    high = new long[length];
    low = new long[length];
    values = empty(length);
    for (int i = 0; i < oldValues.length; i++) {
      if (oldValues[i] != ABSENT) {
        int slot = slot(oldHigh[i], oldLow[i]);
        high[slot] = oldHigh[i];
        low[slot] = oldLow[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
