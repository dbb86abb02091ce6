package maque.training;

import java.util.Locale;
import maque.runtime.InvalidInputException;

/**
 * The learning rate of each step: a linear warm-up, then constant, linear to 0, or half a cosine to
 * 0.
 *
 * @param decay what follows the warm-up
 * @param lr the highest rate
 * @param warmup steps of warm-up; step t &lt; warmup has rate lr (t + 1) / warmup
 * @param total steps of the whole run; the rate would be 0 at step {@code total}, which is not made
 */
public record Schedule(Decay decay, double lr, long warmup, long total) {
  /** Shapes of decay. */
  public enum Decay {
    CONSTANT,
    LINEAR,
    COSINE;

    /** Reads {@code constant}, {@code linear} or {@code cosine}. */
    public static Decay parse(String name) {
      for (Decay decay : values()) {
        if (decay.toString().equals(name)) {
          return decay;
        }
      }
      throw new InvalidInputException(
          "decay must be constant, linear or cosine, not '" + name + "'");
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Schedule {
    if (!(lr > 0) || lr > 1e6 || warmup < 0 || total < 1 || warmup > total) {
      throw new InvalidInputException(
          "schedule: lr " + lr + " must be positive, warm-up " + warmup + " within 0.." + total);
    }
  }

  /** Rate of step t, counted from 0; 0 from {@code total} on, unless constant. */
  public double at(long t) {
    if (t < warmup) {
      return lr * (t + 1) / warmup;
    }
    if (decay == Decay.CONSTANT) {
      return lr;
    }
    if (t >= total) {
      return 0;
    }
    double left = (double) (total - t) / (total - warmup);
    return decay == Decay.LINEAR
        ? lr * left
        : lr * 0.5 * (1 + StrictMath.cos(StrictMath.PI * (1 - left)));
  }
}
