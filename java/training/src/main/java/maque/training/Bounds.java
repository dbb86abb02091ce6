package maque.training;

import maque.runtime.InvalidInputException;

/** Bounds of options' values, both included. */
final class Bounds {
  private Bounds() {}

  static double check(String name, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      throw new InvalidInputException(name + " must be in " + low + ".." + high + ", not " + value);
    }
    return value;
  }

  static long check(String name, long value, long low, long high) {
    if (value < low || value > high) {
      throw new InvalidInputException(name + " must be in " + low + ".." + high + ", not " + value);
    }
    return value;
  }
}
