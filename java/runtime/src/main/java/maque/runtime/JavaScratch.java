package maque.runtime;

import java.util.concurrent.atomic.AtomicReferenceArray;

/** Memory for one text at a time on the plain Java path. */
final class JavaScratch {
  final float[] gates;
  final float[] sums;
  final float[] quantized;
  final float[] row;
  final float[] mean;
  final float[] bag;
  final float[] beside;
  final float[] cell;
  final float[] features;
  final float[][] layers;
  float[] states = new float[0];

  /**
   * @param gates of one direction, at most
   * @param widest inputs of any product
   * @param row elements of a row of the table; 0 where there is none
   * @param bag elements of a row of the n-grams; 0 where there are none
   * @param layers outputs of the head's layers
   */
  JavaScratch(int hidden, int gates, int widest, int row, int bag, int[] layers) {
    this.gates = new float[gates];
    sums = new float[gates];
    quantized = new float[widest];
    this.row = new float[Math.max(row, bag)];
    mean = new float[row];
    this.bag = new float[bag];
    beside = new float[bag == 0 ? 0 : layers[0]];
    cell = new float[hidden];
    features = new float[2 * hidden];
    this.layers = new float[layers.length][];
    for (int i = 0; i < layers.length; i++) {
      this.layers[i] = new float[layers[i]];
    }
  }

  /** Room for that many outputs; what was there is lost where it grows. */
  float[] states(int size) {
    if (states.length < size) {
      states = new float[size];
    }
    return states;
  }

  long bytes() {
    long floats = gates.length + sums.length + quantized.length + row.length + mean.length;
    floats += bag.length + beside.length + cell.length + features.length + states.length;
    for (float[] layer : layers) {
      floats += layer.length;
    }
    return 4 * floats;
  }

  /** Scratch that waits for its next use: a slot a thread or so, without a lock. */
  static final class Pool {
    private static final int SLOTS = 64;

    private final AtomicReferenceArray<JavaScratch> slots = new AtomicReferenceArray<>(SLOTS);

    private static int slot() {
      return (int) Thread.currentThread().getId() & (SLOTS - 1);
    }

    /** One that is free, or null. */
    JavaScratch take() {
      return slots.getAndSet(slot(), null);
    }

    void giveBack(JavaScratch scratch) {
      slots.lazySet(slot(), scratch);
    }

    long bytes() {
      long bytes = 0;
      for (int i = 0; i < SLOTS; i++) {
        JavaScratch scratch = slots.get(i);
        bytes += scratch == null ? 0 : scratch.bytes();
      }
      return bytes;
    }
  }
}
