package maque.benchmarks;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.benchmarks.Limits.Peak;
import maque.runtime.Json;

/**
 * The products with weights of a teacher of bge-small's geometry, by themselves, as the native
 * program {@code maque_products} times them: what share of its limit each reaches.
 */
final class Products {
  /** Property that names the program. */
  static final String PROGRAM = "maque.benchmarks.products";

  private Products() {}

  static List<Map<String, Object>> measure(Report report) {
    String program = System.getProperty(PROGRAM);
    byte[] json = Limits.output(List.of(program)).getBytes(StandardCharsets.UTF_8);
    return rows(report, (List<?>) Json.parse(json, program));
  }

  /** One row for each of the program's. */
  static List<Map<String, Object>> rows(Report report, List<?> products) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Object product : products) {
      rows.add(row(report, (Map<?, ?>) product));
    }
    return rows;
  }

  private static Map<String, Object> row(Report report, Map<?, ?> product) {
    Peak peak = Peak.valueOf(((String) product.get("precision")).toUpperCase(Locale.ROOT));
    double m = number(product, "m");
    double n = number(product, "n");
    double k = number(product, "k");
    double seconds = number(product, "seconds");
    int bytes = peak == Peak.FP32 ? 4 : peak == Peak.BF16 ? 2 : 1;
    Cost cost = new Cost(2 * m * n * k, new Cost.Read(bytes * n * k, bytes * n * k));
    String work = "product, " + product.get("what");
    String precision = (String) product.get("precision");
    Map<String, Object> row = report.add(work, precision, "µs", seconds * 1e6, null, null, false);
    row.put("task", Suite.PRODUCTS);
    report.limit(peak, cost, seconds, 1e-6, row);
    return row;
  }

  private static double number(Map<?, ?> product, String key) {
    return ((Number) product.get(key)).doubleValue();
  }
}
