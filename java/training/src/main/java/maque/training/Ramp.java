package maque.training;

import java.util.List;
import java.util.Locale;
import maque.runtime.InvalidInputException;

/**
 * A number that may change over a run, a pure function of the step: {@code from} at the first step,
 * {@code to} at the last, and on a straight line or half a cosine between them. Such schedules of
 * the objective's weights and temperature are annealed distillation (Jafari et al., arXiv
 * 2104.07163) and teacher annealing (Clark et al., arXiv 1907.04829).
 *
 * @param shape how it goes; {@link Shape#CONSTANT} exactly where both ends are equal
 */
public record Ramp(Shape shape, double from, double to) {
  /** How a number goes from one end to the other. */
  public enum Shape {
    CONSTANT,
    LINEAR,
    COSINE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Ramp {
    if (!Double.isFinite(from) || !Double.isFinite(to)) {
      throw new InvalidInputException("a schedule needs finite numbers, not " + from + ":" + to);
    }
    if (shape == Shape.CONSTANT && from != to) {
      throw new InvalidInputException("constant is one number, not " + from + ":" + to);
    }
    shape = from == to ? Shape.CONSTANT : shape;
  }

  /** The same at every step. */
  public static Ramp constant(double value) {
    return new Ramp(Shape.CONSTANT, value, value);
  }

  /**
   * Reads {@code X}, {@code FROM:TO} (linear), {@code FROM:TO:linear} or {@code FROM:TO:cosine}.
   *
   * @param name what is read, for messages
   * @throws InvalidInputException for anything else
   */
  public static Ramp parse(String name, String text) {
    String[] parts = text.strip().split(":", -1);
    try {
      double from = Double.parseDouble(parts[0]);
      if (parts.length == 1) {
        return constant(from);
      }
      String shape = parts.length == 2 ? "linear" : parts[2];
      if (parts.length <= 3 && List.of("linear", "cosine").contains(shape)) {
        double to = Double.parseDouble(parts[1]);
        return new Ramp(shape.equals("linear") ? Shape.LINEAR : Shape.COSINE, from, to);
      }
    } catch (NumberFormatException e) {
      throw wrong(name, text);
    }
    throw wrong(name, text);
  }

  private static InvalidInputException wrong(String name, String text) {
    return new InvalidInputException(
        name + " must be a number, FROM:TO, FROM:TO:linear or FROM:TO:cosine, not '" + text + "'");
  }

  public boolean isConstant() {
    return shape == Shape.CONSTANT;
  }

  /**
   * The value at step t of {@code total}, counted from 0; the last step, total - 1, has {@code to}.
   */
  public double at(long t, long total) {
    if (shape == Shape.CONSTANT || total <= 1 || t >= total - 1) {
      return to;
    }
    double part = (double) t / (total - 1);
    if (shape == Shape.COSINE) {
      part = 0.5 * (1 - StrictMath.cos(StrictMath.PI * part));
    }
    return from + (to - from) * part;
  }

  double min() {
    return Math.min(from, to);
  }

  double max() {
    return Math.max(from, to);
  }

  /** 1 less this. */
  Ramp complement() {
    return new Ramp(shape, 1 - from, 1 - to);
  }

  /** Both ends must be in a range; returns this. */
  Ramp within(String name, double low, double high) {
    TrainingOptions.check(name, from, low, high);
    TrainingOptions.check(name, to, low, high);
    return this;
  }

  /** For {@code training.json}: a number where it is constant, else as {@link #toString}. */
  Object record() {
    return isConstant() ? (Object) to : toString();
  }

  /** The form that {@link #parse} reads. */
  @Override
  public String toString() {
    return isConstant() ? Double.toString(to) : from + ":" + to + ":" + shape;
  }
}
