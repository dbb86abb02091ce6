package maque.runtime;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What each guard of a prediction costs, in nanoseconds: those of Java measured here, those of
 * native code by a program of its own; benchmarks/guards.sh runs both.
 */
final class GuardCosts {
  private static final int CALLS = 20_000;

  private GuardCosts() {}

  private interface Calls {
    /** Makes {@link #CALLS} calls, and returns something that depends on them. */
    long run();
  }

  /** Nanoseconds of one of the calls: the best round of many, once they are compiled. */
  private static double best(Calls calls) {
    long best = Long.MAX_VALUE;
    long sum = 0;
    for (int round = 0; round < 600; round++) {
      long start = System.nanoTime();
      sum += calls.run();
      best = round < 200 ? best : Math.min(best, System.nanoTime() - start);
    }
    if (sum == Long.MIN_VALUE) {
      throw new IllegalStateException("never");
    }
    return Math.round(100.0 * best / CALLS) / 100.0;
  }

  private static Map<String, Object> row(String guard, String what, double nanoseconds) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("guard", guard);
    row.put("what", what);
    row.put("ns", nanoseconds);
    return row;
  }

  private static double emptyCall() {
    Maque.load();
    int[] ids = new int[24];
    float[] out = new float[5];
    return best(
        () -> {
          long sum = 0;
          for (int i = 0; i < CALLS; i++) {
            sum += MaqueNative.nothing(ids, out);
          }
          return sum;
        });
  }

  private static double ownership() {
    Object owner = new Object();
    NativeHandle handle = new NativeHandle(owner, "student", 7, freed -> {});
    try {
      return best(
          () -> {
            long sum = 0;
            for (int i = 0; i < CALLS; i++) {
              sum += handle.get();
              Reference.reachabilityFence(owner);
            }
            return sum;
          });
    } finally {
      handle.close();
    }
  }

  /** Each round is one checksum, not {@link #CALLS}. */
  private static double checksum() {
    ByteBuffer megabyte = ByteBuffer.allocateDirect(1 << 20);
    return Math.rint(CALLS * best(() -> Checksums.of(megabyte.rewind()).length()));
  }

  private static List<Map<String, Object>> nativeRows(String program) throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    Process process = new ProcessBuilder(program).start();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        rows.add(Json.parseObject(line.getBytes(StandardCharsets.UTF_8), program));
      }
    }
    return rows;
  }

  /** Arguments: the native program, the file of the result. */
  public static void main(String[] arguments) throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    rows.add(row("empty call into native code", "an array of ids and one of logits", emptyCall()));
    rows.add(row("owner kept reachable, closed or not", "in Java", ownership()));
    rows.addAll(nativeRows(arguments[0]));
    rows.add(row("checksum at load", "of a megabyte", checksum()));
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("date", LocalDate.now(ZoneOffset.UTC).toString());
    result.put("cpu", Soak.processor());
    result.put("isa", Maque.info().isa());
    result.put("java", System.getProperty("java.version"));
    result.put("load", Files.readString(Path.of("/proc/loadavg")).trim());
    result.put("guards", rows);
    AtomicFiles.write(Path.of(arguments[1]), Json.write(result));
    System.out.println("| guard | of what | ns |\n|---|---|---|");
    for (Map<String, Object> row : rows) {
      System.out.println(
          "| " + row.get("guard") + " | " + row.get("what") + " | " + row.get("ns") + " |");
    }
  }
}
