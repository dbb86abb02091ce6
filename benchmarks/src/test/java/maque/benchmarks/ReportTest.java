package maque.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import maque.runtime.Json;
import org.junit.jupiter.api.Test;

/** The arithmetic of rows and limits, and the form of what is written. */
class ReportTest {
  private static final String MACHINE =
      """
      {"isa": "avx512", "fp32_gflops": 100, "bf16_gflops": 200, "int8_gops": 400, "int8_instruction": "vpdpbusd",
       "maddubs_gops": 200, "read_gb": {"l1": 200, "l2": 100, "l3": 50, "memory": 20},
       "cache_bytes": {"l1": 32768, "l2": 1048576, "l3": 33554432}}
      """;

  private static final Limits LIMITS =
      Limits.of(Json.parseObject(MACHINE.getBytes(StandardCharsets.UTF_8), "limits"));

  private static Environment environment() {
    return new Environment(new LinkedHashMap<>(Map.of("cpu", "A CPU", "isa", "avx512")));
  }

  private static Figures seconds(double... rounds) {
    Figures figures = new Figures();
    for (double round : rounds) {
      double[] quantiles = new double[Figures.QUANTILES.length];
      Arrays.setAll(quantiles, i -> round * (1 + i * 0.1));
      quantiles[4] = round;
      figures.add(quantiles, 10);
    }
    return figures;
  }

  /** 1 GFLOP, fp32 in 20 ms and int8 in 5 ms; one peer exact, another int8, a third broken. */
  private static Report report() {
    Cost cost = new Cost(1e9, new Cost.Read(1e6, 1e6));
    Task task =
        Task.named("example", "an <example>")
            .row("fp32", "maque", List.of("onnxruntime", "libtorch"), Limits.Peak.FP32, () -> cost)
            .row("int8", "maque-int8", List.of("onnxruntime"), Limits.Peak.INT8, () -> cost)
            .row("bf16", "maque-bf16", List.of("onnxruntime"), Limits.Peak.BF16, () -> cost)
            .others("onnxruntime-int8")
            .opens(contender -> null);
    Map<String, Figures> figures = new LinkedHashMap<>();
    figures.put("maque", seconds(0.021, 0.020, 0.019));
    figures.put("maque-int8", seconds(0.005));
    figures.put("onnxruntime", seconds(0.04));
    figures.put("onnxruntime-int8", seconds(0.01));
    Map<String, String> absent = Map.of("libtorch", "it broke", "maque-bf16", "no such precision");
    Report report = new Report(environment(), LIMITS);
    report.add(task, new Measurement.Outcome(figures, absent));
    report.add("callers", "fp32", "predictions/s", 190, 100.0, "1 caller", true);
    return report;
  }

  private static Map<String, Object> row(int index) {
    return report().rows().get(index);
  }

  private static double number(Map<String, Object> row, String key) {
    return ((Number) row.get(key)).doubleValue();
  }

  @Test
  void ratioIsThePeersTimeByOurs() {
    assertEquals(20, number(row(1), "maque"), 1e-9);
    assertEquals(40, number(row(1), "peer"), 1e-9);
    assertEquals(2, number(row(1), "ratio"), 1e-9);
    assertEquals("ONNX Runtime", row(1).get("peer_name"));
    assertEquals(8, number(row(2), "ratio"), 1e-9, "by the peer that counts, not the int8 one");
    assertEquals(1.9, number(row(4), "ratio"), 1e-9, "of rates the higher is better");
  }

  @Test
  void whatIsAbsentSaysWhy() {
    assertNull(row(3).get("maque"));
    assertNull(row(3).get("ratio"));
    assertEquals("no such precision", row(3).get("absent"));
    String table = Report.table(report().rows());
    assertTrue(table.contains("it broke"), table);
    assertTrue(table.contains("no such precision"), table);
  }

  @Test
  void limitIsTheLaterOfArithmeticAndReads() {
    Cost heavy = new Cost(1e9, new Cost.Read(1e6, 1e6));
    assertEquals(new Cost.Bound("fp32 peak", 0.01, 1), heavy.bound(LIMITS, Limits.Peak.FP32));
    assertEquals(50, number(row(1), "percent_of_limit"), 1e-9);
    assertEquals(50, number(row(2), "percent_of_limit"), 1e-9);
    Cost light = new Cost(1e3, new Cost.Read(1e6, 2e6), new Cost.Read(4e5, 4e7));
    // 1 MB of 2 that L3 holds, 0.4 MB of 40 that only memory holds: 20 µs each.
    assertEquals(4e-5, light.bound(LIMITS, Limits.Peak.FP32).seconds(), 1e-12);
  }

  @Test
  void partsFollowEachOther() {
    // 10 ms of arithmetic, 10 ms of reading memory, arithmetic again: none hides behind another.
    Cost cost = new Cost(1e9).plus(new Cost(1e3, new Cost.Read(2e8, 4e8))).plus(new Cost(1e9));
    Cost.Bound bound = cost.bound(LIMITS, Limits.Peak.FP32);
    assertEquals(0.03, bound.seconds(), 1e-12);
    assertEquals("fp32 peak", bound.name());
    assertEquals(2.0 / 3, bound.share(), 1e-12);
    assertEquals(0.06, cost.times(2).bound(LIMITS, Limits.Peak.FP32).seconds(), 1e-12);
    assertEquals("L3 reads, 60.0 %", Report.limit(Map.of("limit", "L3 reads", "limit_share", 60)));
    assertEquals("L3 reads", Report.limit(Map.of("limit", "L3 reads", "limit_share", 99.9)));
  }

  @Test
  void keptLimitsAreThoseThatWereMeasured() {
    assertEquals(LIMITS, Limits.kept(LIMITS.toJson()));
    Map<String, Object> old = new LinkedHashMap<>(LIMITS.toJson());
    old.remove("cache_l2_bytes");
    String why = assertThrows(IllegalArgumentException.class, () -> Limits.kept(old)).getMessage();
    assertTrue(why.contains("cache_l2_bytes"), why);
  }

  @Test
  void limitsOfAnEarlierRunAreCountedAnew() {
    Report report = new Report(environment(), LIMITS);
    Map<String, Object> row = report.add("x", "fp32", "ms", 1e3, null, null, false);
    row.put("task", "base-64x32");
    row.put("peak", Limits.Peak.FP32.shown);
    row.put("percent_of_limit", 1.0);
    Report.limitAgain(report.rows());
    double flops =
        Tasks.ALL.stream()
            .filter(task -> task.name().equals("base-64x32"))
            .mapToDouble(task -> task.rows().get(0).cost().get().flops())
            .sum();
    assertEquals(flops / 1e9, number(row, "gflops"), 1e-9);
    assertTrue(
        number(row, "percent_of_limit") > 100, "base takes more than a second at 100 GFLOP/s");
  }

  @Test
  void levelsAreTakenByTheirSize() {
    assertEquals(Limits.Level.L1, LIMITS.holding(32768));
    assertEquals(Limits.Level.L2, LIMITS.holding(32769));
    assertEquals(Limits.Level.MEMORY, LIMITS.holding(1e9));
  }

  @Test
  void costsCountWhatIsNeeded() {
    // Two texts of 3 and 2 tokens through one layer of hidden 4, inner 8: 4h² + 2hf = 128 weights;
    // two rows of embeddings are added for each token.
    BertShape bert = new BertShape(1, 4, 2, 8, 10, 16);
    double all = bert.forward(4, 5, BertShape.Last.ALL_ROWS, 3, 2).flops();
    assertEquals(5 * 4 + 2 * 5 * 128 + 4 * 4 * (9 + 4), all, 1e-9);
    // First rows only: keys and values of all five tokens, the rest for two.
    double first = bert.forward(4, 5, BertShape.Last.FIRST_ROWS, 3, 2).flops();
    assertEquals(5 * 4 + 2 * (5 * 32 + 2 * 96) + 4 * 4 * (3 + 2), first, 1e-9);
    assertEquals(3 * first, bert.step(4, 3, 2).flops(), 1e-9);
    StudentShape student = new StudentShape(10, 3, 2, 4, 5);
    StudentShape.Form trained = new StudentShape.Form(4, false);
    // Per token: both directions' gates (8h = 16) by 2h, the head 2(2h·m + m·c); per distinct one
    // 2e.
    double seven = 7 * (2 * 16 * 2 + 72) + 5 * 2 * 16 * 3;
    Cost sequence = student.sequence(new int[] {4, 3}, 5, 9, trained);
    assertEquals(seven, sequence.flops(), 1e-9);
    assertEquals(3 * seven, student.sequenceStep(new int[] {4, 3}, 5, 9, 4).flops(), 1e-9);
    // Rows and input product, four steps (the last for one text), the head.
    assertEquals(2 + 4 + 1, sequence.parts().size());
    assertEquals(2 * 16 * 2, sequence.parts().get(5).flops(), 1e-9);
    // Three gates of two directions: 6h = 12; the mean of 2 words of 3 numbers before them.
    assertEquals(2 * 3 + 2 * 3 * 12 + 72, student.document(1, 2, 9, trained).flops(), 1e-9);
    StudentShape.Form folded = new StudentShape.Form(1, true);
    assertEquals(2 * 12 + 72, student.document(1, 2, 9, folded).flops(), 1e-9);
  }

  @Test
  void everyRowHasTheKeysInTheirOrder() {
    for (Map<String, Object> row : report().rows()) {
      assertEquals(Report.KEYS, new ArrayList<>(row.keySet()).subList(0, Report.KEYS.size()));
    }
    Object read = Json.parse(Json.write(report().rows()), "rows");
    assertEquals(5, ((List<?>) read).size());
  }

  @Test
  @SuppressWarnings("unchecked") // as Report writes them
  void pageAndPictureAreWellFormed() throws Exception {
    List<Map<String, Object>> rows =
        (List<Map<String, Object>>) Json.parse(Json.write(report().rows()), "rows");
    String svg = Picture.svg(rows);
    DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new java.io.ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    String page = Page.html(rows);
    assertTrue(page.contains("an &lt;example&gt;") && svg.contains("an &lt;example&gt;"));
    assertFalse(page.contains("<script") || page.contains("NaN"));
  }

  @Test
  void betterFiguresOfTwoMeasurementsAreKept() {
    Map<String, Object> json =
        new LinkedHashMap<>(Json.parseObject(MACHINE.getBytes(StandardCharsets.UTF_8), "limits"));
    json.put("fp32_gflops", 110);
    json.put("int8_gops", 390);
    Limits best = LIMITS.orBetter(Limits.of(json));
    assertEquals(110e9, best.peaks().get(Limits.Peak.FP32));
    assertEquals(400e9, best.peaks().get(Limits.Peak.INT8));
  }

  @Test
  void aProductsFiguresAreTheMediansOfItsRounds() {
    List<Products.Round> rounds = new ArrayList<>();
    for (double seconds : new double[] {4e-3, 2e-3, 2.5e-3}) {
      Map<String, Object> product =
          Map.of(
              "what", "x", "precision", "fp32", "m", 100, "n", 1000, "k", 1000, "seconds", seconds);
      rounds.add(new Products.Round(LIMITS, List.of(product)));
    }
    Map<String, Object> row = Products.rows(report(), rounds).get(0);
    assertEquals(2500, number(row, "maque"), 1e-9);
    assertEquals(80, number(row, "percent_of_limit"), 1e-9);
    assertEquals(50, number(row, "percent_p10"), 1e-9);
    assertEquals(4000, number(row, "rounds_p90"), 1e-9);
  }

  @Test
  void theSpreadOfRoundsIsKept() {
    assertEquals(19, number(row(1), "rounds_p10"), 1e-9);
    assertEquals(21, number(row(1), "rounds_p90"), 1e-9);
    assertEquals(3, Figures.nearest(List.of(5.0, 1.0, 4.0, 2.0, 3.0), 50));
  }

  @Test
  void answersOfAllProcessesCount() {
    assertEquals(66, Capped.counted(List.of("33", "33")));
  }

  @Test
  void numbersHaveThreeDigits() {
    assertEquals("0.305", Report.number(0.3049));
    assertEquals("2.68", Report.number(2.684));
    assertEquals("26.8", Report.number(26.84));
    assertEquals("268", Report.number(268.4));
    assertEquals("12,345", Report.number(12345.2));
  }

  @Test
  void allocationOfOneCallIsCounted() {
    byte[][] kept = new byte[1][];
    assertTrue(
        Allocation.bytes(
                new Work() {
                  @Override
                  public Object run() {
                    kept[0] = new byte[1000];
                    return kept;
                  }

                  @Override
                  public float[] result() {
                    return new float[0];
                  }
                })
            >= 1000);
  }

  @Test
  void twoThreadsOfOneCoreAreTold() {
    assertTrue(Callers.describe(1.98, "0", "1").startsWith("two cores"));
    assertTrue(Callers.describe(1.2, "0", "1").startsWith("two threads"));
    assertTrue(Callers.describe(1.9, "0,1", "1").startsWith("two threads"));
    assertTrue(Callers.describe(1.9, "0-1", "1").startsWith("two threads"));
  }

  @Test
  void processorIsNamed() {
    List<String> cpuinfo = List.of("model name\t: A CPU", "cpu family\t: 25", "model\t\t: 17");
    assertEquals("A CPU, family 25, model 17", Environment.processor(cpuinfo));
  }

  @Test
  void aProductsShareIsOfTheLaterOfArithmeticAndReading() {
    Map<String, Object> large =
        Map.of(
            "what", "large", "precision", "bf16", "m", 100, "n", 1000, "k", 1000, "seconds", 2e-3);
    Map<String, Object> row =
        Map.of("what", "row", "precision", "fp32", "m", 1, "n", 1000, "k", 1000, "seconds", 160e-6);
    List<Map<String, Object>> rows =
        Products.rows(report(), List.of(new Products.Round(LIMITS, List.of(large, row))));
    assertEquals("product, large", rows.get(0).get("work"));
    assertEquals(2000, number(rows.get(0), "maque"), 1e-9);
    assertEquals("bf16 peak", rows.get(0).get("limit"));
    assertEquals(100, number(rows.get(0), "gflops"), 1e-9);
    assertEquals(50, number(rows.get(0), "percent_of_limit"), 1e-9);
    assertEquals("L3 reads", rows.get(1).get("limit"), "4 MB in 80 us");
    assertEquals(50, number(rows.get(1), "percent_of_limit"), 1e-9);
  }
}
