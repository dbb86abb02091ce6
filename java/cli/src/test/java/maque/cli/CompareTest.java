package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import maque.runtime.Json;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

/** Experiments side by side. */
class CompareTest {
  @TempDir private Path folder;

  private Path few;
  private Path all;

  @BeforeEach
  void summaries() throws IOException {
    few = Files.createDirectories(folder.resolve("few"));
    Map<String, Object> summary = summary(0.75, 0.79, "PAYS");
    summary.put("ensemble", Map.of("accuracy", 0.825));
    Files.write(few.resolve("summary.json"), Json.write(summary));
    all = folder.resolve("all.json");
    Files.write(all, Json.write(summary(0.78, 0.77, "DOES NOT PAY")));
  }

  private static Map<String, Object> summary(double alone, double distilled, String verdict) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("verdict", verdict);
    map.put("gain", Map.of("mean", distilled - alone, "low", -0.011, "high", 0.052));
    map.put("teacher", Map.of("accuracy", 0.80));
    map.put("alone", Map.of("accuracy", alone, "accuracy_sd", 0.0042));
    map.put("distilled", Map.of("accuracy", distilled));
    return map;
  }

  @Test
  void aTableAndAPicture() throws Exception {
    Path picture = folder.resolve("made").resolve("both.svg");
    Files.createDirectories(picture.getParent());
    Tiny.Outcome outcome = Tiny.maque("compare", "few & far=" + few, all, "--picture", picture);
    assertEquals(0, outcome.code(), outcome.err());
    String[] lines = outcome.out().split("\\R");
    assertEquals(4, lines.length);
    assertEquals(
        "| few & far | 80.0 | 82.5 | 75.0 ± 0.4 | 79.0 | +4.0 (-1.1 to +5.2) | 80 % | PAYS |",
        lines[2]);
    assertEquals(
        "| all.json | 80.0 |  | 78.0 ± 0.4 | 77.0 | -1.0 (-1.1 to +5.2) | -50 % | DOES NOT PAY |",
        lines[3]);
    String svg = Files.readString(picture);
    Document document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(svg)));
    assertEquals("svg", document.getDocumentElement().getTagName());
    for (String text : new String[] {"few &amp; far", "PAYS, +4.0 points", "79.0", "77.0"}) {
      assertTrue(svg.contains(text), text);
    }
    assertFalse(svg.contains("NaN"));
  }

  @Test
  void whatIsNoExperimentIsTold() throws IOException {
    Path other = Files.writeString(folder.resolve("other.json"), "{\"verdict\": \"PAYS\"}");
    Tiny.Outcome outcome = Tiny.maque("compare", few, other);
    assertEquals(1, outcome.code());
    assertTrue(outcome.errorLine().contains("other.json"), outcome.err());
    assertTrue(outcome.errorLine().contains("no summary.json"), outcome.err());
    assertEquals(1, Tiny.maque("compare", folder.resolve("none")).code());
    assertEquals(2, Tiny.maque("compare").code());
  }
}
