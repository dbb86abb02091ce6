package maque.runtime;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * What this process holds.
 *
 * @param residentBytes its resident set
 * @param descriptors open files
 * @param temporaryFiles entries of Maque's in the temporary directory
 */
record ProcessState(long residentBytes, int descriptors, int temporaryFiles) {
  static ProcessState now() {
    return new ProcessState(
        residentNow(), count("/proc/self/fd", ""), count(temporaryDirectory(), "maque-"));
  }

  /**
   * The resident set once the C library has given back what is free: under random loads and closes
   * it keeps freed pieces between those in use, a hundred megabytes of them, which is no leak. On
   * JDKs without the command for it (before 17.0.9) that is part of the result.
   */
  static long residentNow() {
    try {
      ManagementFactory.getPlatformMBeanServer()
          .invoke(
              new ObjectName("com.sun.management:type=DiagnosticCommand"),
              "systemTrimNativeHeap",
              null,
              null);
    } catch (JMException | RuntimeException e) {
      System.getLogger("maque").log(System.Logger.Level.DEBUG, "the native heap is not trimmed", e);
    }
    try {
      String pages = Files.readString(Path.of("/proc/self/statm")).split(" ")[1];
      return Long.parseLong(pages) * 4096;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String temporaryDirectory() {
    return System.getProperty("java.io.tmpdir");
  }

  private static int count(String directory, String prefix) {
    String[] names = new File(directory).list((parent, name) -> name.startsWith(prefix));
    return names == null ? 0 : names.length;
  }

  /** Deletes a directory of test files. */
  static void deleteTree(Path directory) {
    try (var paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Least-squares slope of values that were taken at even intervals, times their number: how much
   * they rose over the whole.
   */
  static double rise(long[] values) {
    int n = values.length;
    double middle = (n - 1) / 2.0;
    double mean = Arrays.stream(values).average().orElse(0);
    double covariance = 0;
    double variance = 0;
    for (int i = 0; i < n; i++) {
      covariance += (i - middle) * (values[i] - mean);
      variance += (i - middle) * (i - middle);
    }
    return variance == 0 ? 0 : covariance / variance * n;
  }
}
