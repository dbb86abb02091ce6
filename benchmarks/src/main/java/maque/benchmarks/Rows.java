package maque.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the rows that a run wrote. */
final class Rows {
  private Rows() {}

  /** NaN where there is none. */
  static double number(Map<String, Object> row, String key) {
    return row.get(key) instanceof Number n ? n.doubleValue() : Double.NaN;
  }

  static boolean has(Map<String, Object> row, String key) {
    return row.get(key) != null;
  }

  static String text(Map<String, Object> row, String key) {
    return row.get(key) == null ? "" : String.valueOf(row.get(key));
  }

  /** The class that draws a row's flavour. */
  static String colour(Map<String, Object> row) {
    String flavour = text(row, "flavour");
    String precision =
        flavour.contains("int8") ? "int8" : flavour.contains("bf16") ? "bf16" : "fp32";
    return flavour.contains("folded") ? precision + " folded" : precision;
  }

  /** Rows of one work each, in their order. */
  static Map<String, List<Map<String, Object>>> byWork(List<Map<String, Object>> rows) {
    Map<String, List<Map<String, Object>>> groups = new LinkedHashMap<>();
    rows.forEach(
        row -> groups.computeIfAbsent(text(row, "work"), work -> new ArrayList<>()).add(row));
    return groups;
  }

  /** Those that were compared with another library. */
  static List<Map<String, Object>> compared(List<Map<String, Object>> rows) {
    return rows.stream().filter(row -> has(row, "ratio") && !againstMaque(row)).toList();
  }

  /**
   * Whether a row compares Maque with itself: student with teacher, two callers or threads with
   * one.
   */
  static boolean againstMaque(Map<String, Object> row) {
    String peer = text(row, "peer_name");
    return peer.equals(Contender.shown(Contender.MAQUE_TEACHER))
        || peer.endsWith(" caller")
        || peer.endsWith(" thread");
  }

  /** A number and its unit. */
  static String shown(Map<String, Object> row, String key) {
    return has(row, key)
        ? Report.number(number(row, key)) + " " + text(row, "unit")
        : "not measured";
  }

  /** The numbers of a list. */
  static List<Double> numbers(Object list) {
    List<Double> numbers = new ArrayList<>();
    ((List<?>) list).forEach(value -> numbers.add(((Number) value).doubleValue()));
    return numbers;
  }

  /** The peers of a row. */
  @SuppressWarnings("unchecked") // as Report writes them
  static List<Map<String, Object>> peers(Map<String, Object> row) {
    Object peers = row.get("peers");
    return peers == null ? List.of() : (List<Map<String, Object>>) peers;
  }
}
