package maque.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a student may cost.
 *
 * @param medianMicros most microseconds of half of the predictions; infinity: any
 * @param p99Micros most microseconds of 99 of 100 predictions; infinity: any
 * @param bytes most bytes of its weights' file; Long.MAX_VALUE: any
 */
record Budget(double medianMicros, double p99Micros, long bytes) {
  private static final Pattern TIME =
      Pattern.compile("(p99|median)=([0-9]+(?:\\.[0-9]+)?)(us|µs|ms)");
  private static final Pattern SIZE = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)(kB|MB|GB)");

  /**
   * Reads the options; each may be null, not both.
   *
   * @param time such as {@code p99=50us} or {@code median=20us,p99=50us}
   * @param size such as {@code 2MB}
   */
  static Budget parse(String time, String size) {
    double median = Double.POSITIVE_INFINITY;
    double p99 = Double.POSITIVE_INFINITY;
    if (time != null) {
      for (String part : time.split(",", -1)) {
        Matcher matcher = TIME.matcher(part.strip());
        Usage.require(
            matcher.matches(),
            "--budget must be such as p99=50us or median=20us,p99=0.1ms, not '" + time + "'");
        double micros =
            Double.parseDouble(matcher.group(2)) * (matcher.group(3).equals("ms") ? 1e3 : 1);
        Usage.require(micros > 0, "--budget must be above 0, not '" + time + "'");
        if (matcher.group(1).equals("p99")) {
          p99 = micros;
        } else {
          median = micros;
        }
      }
    }
    return new Budget(median, p99, size == null ? Long.MAX_VALUE : bytes(size));
  }

  private static long bytes(String size) {
    Matcher matcher = SIZE.matcher(size.strip());
    Usage.require(matcher.matches(), "--max-size must be such as 500kB or 2MB, not '" + size + "'");
    double unit =
        switch (matcher.group(2)) {
          case "kB" -> 1e3;
          case "MB" -> 1e6;
          default -> 1e9;
        };
    long bytes = Math.round(Double.parseDouble(matcher.group(1)) * unit);
    Usage.require(bytes > 0, "--max-size must be above 0, not '" + size + "'");
    return bytes;
  }

  /** How many times over the budget this is, at its worst; 1 or less fits. */
  double excess(double median, double p99, long size) {
    double time = Math.max(median / medianMicros, p99 / p99Micros);
    return Math.max(time, (double) size / bytes);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    if (Double.isFinite(medianMicros)) {
      text.append("median ").append(Durations.ofMicros(medianMicros)).append(", ");
    }
    if (Double.isFinite(p99Micros)) {
      text.append("99 % within ").append(Durations.ofMicros(p99Micros)).append(", ");
    }
    if (bytes < Long.MAX_VALUE) {
      text.append(Sizes.of(bytes)).append(", ");
    }
    return String.format(Locale.ROOT, "%s", text.substring(0, text.length() - 2));
  }
}
