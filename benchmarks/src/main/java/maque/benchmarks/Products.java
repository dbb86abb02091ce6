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

  /** Rounds in turn with measurements of the limits, so that what disturbs one disturbs both. */
  private static final int ROUNDS = 5;

  static List<Map<String, Object>> measure(Report report) {
    String program = System.getProperty(PROGRAM);
    List<Round> rounds = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      Limits limits = Limits.measure();
      byte[] json = Limits.output(List.of(program)).getBytes(StandardCharsets.UTF_8);
      rounds.add(new Round(limits, (List<?>) Json.parse(json, program)));
    }
    return rows(report, rounds);
  }

  /** What the program printed, and what the core could do just before. */
  record Round(Limits limits, List<?> products) {}

  /** One row for each product: the medians of the rounds' times and shares. */
  static List<Map<String, Object>> rows(Report report, List<Round> rounds) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int i = 0; i < rounds.get(0).products.size(); i++) {
      rows.add(row(report, rounds, i));
    }
    return rows;
  }

  private static Map<String, Object> row(Report report, List<Round> rounds, int index) {
    Map<?, ?> product = (Map<?, ?>) rounds.get(0).products.get(index);
    String precision = (String) product.get("precision");
    Peak peak = Peak.valueOf(precision.toUpperCase(Locale.ROOT));
    Cost cost = cost(product, peak);
    List<Double> seconds = new ArrayList<>();
    List<Double> shares = new ArrayList<>();
    for (Round round : rounds) {
      double time = number((Map<?, ?>) round.products.get(index), "seconds");
      seconds.add(time);
      shares.add(100 * cost.bound(round.limits, peak).seconds() / time);
    }
    double median = Figures.nearest(seconds, 50);
    String work = "product, " + product.get("what");
    Map<String, Object> row = report.add(work, precision, "µs", median * 1e6, null, null, false);
    row.put("task", Suite.PRODUCTS);
    report.limit(peak, cost, median, 1e-6, row);
    row.put("percent_of_limit", Figures.nearest(shares, 50));
    row.put("percent_p10", Figures.nearest(shares, 10));
    row.put("percent_p90", Figures.nearest(shares, 90));
    row.put("rounds_p10", Figures.nearest(seconds, 10) * 1e6);
    row.put("rounds_p90", Figures.nearest(seconds, 90) * 1e6);
    return row;
  }

  private static Cost cost(Map<?, ?> product, Peak peak) {
    double m = number(product, "m");
    double n = number(product, "n");
    double k = number(product, "k");
    int bytes = peak == Peak.FP32 ? 4 : peak == Peak.BF16 ? 2 : 1;
    return new Cost(2 * m * n * k, new Cost.Read(bytes * n * k, bytes * n * k));
  }

  private static double number(Map<?, ?> product, String key) {
    return ((Number) product.get(key)).doubleValue();
  }
}
