package maque.benchmarks;

/** One contender's way of doing one piece of work, ready to run. */
interface Work extends AutoCloseable {
  /** Does the next piece and returns something that depends on it. */
  Object run();

  /** Numbers that every contender must agree on, before anything is timed. */
  float[] result();

  /** Sets what is global to the process, before a turn. */
  default void begin() {}

  @Override
  default void close() {}

  /**
   * Fails unless a contender's result equals Maque's within a bound relative to the largest number.
   *
   * @throws IllegalStateException naming the difference
   */
  static void requireAgreement(String contender, float[] ours, float[] theirs, double bound) {
    if (ours.length != theirs.length || ours.length == 0) {
      throw new IllegalStateException(
          contender + " gives " + theirs.length + " numbers, Maque " + ours.length);
    }
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < ours.length; i++) {
      largest = Math.max(largest, Math.abs(ours[i]));
      double d = Math.abs(ours[i] - theirs[i]);
      difference = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(difference, d);
    }
    if (!(difference <= bound * (1 + largest))) {
      throw new IllegalStateException(
          contender + " and Maque differ by " + difference + " at numbers up to " + largest);
    }
  }
}
