package maque.training;

import java.util.Arrays;

/**
 * A tensor of a {@link Trainer}.
 *
 * @param name by the native interface's names
 * @param shape sizes, outermost first
 * @param trained whether an update changes it
 */
public record TensorInfo(String name, long[] shape, boolean trained) {
  public TensorInfo {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** Number of elements. */
  public int size() {
    long size = 1;
    for (long dim : shape) {
      size = Math.multiplyExact(size, dim);
    }
    return Math.toIntExact(size);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorInfo that
        && name.equals(that.name)
        && Arrays.equals(shape, that.shape)
        && trained == that.trained;
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + Arrays.hashCode(shape);
  }

  @Override
  public String toString() {
    return name + Arrays.toString(shape) + (trained ? "" : " (frozen)");
  }
}
