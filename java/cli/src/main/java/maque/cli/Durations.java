package maque.cli;

import java.util.Locale;

/** Durations for people, to three digits. */
final class Durations {
  private Durations() {}

  static String ofMicros(double micros) {
    if (micros < 1_000) {
      return digits(micros) + " µs";
    }
    return micros < 1_000_000 ? digits(micros / 1e3) + " ms" : ofSeconds(micros / 1e6);
  }

  static String ofSeconds(double seconds) {
    if (seconds < 120) {
      return digits(seconds) + " s";
    }
    long whole = Math.round(seconds);
    return whole / 60 + " min " + whole % 60 + " s";
  }

  private static String digits(double value) {
    int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }
}
