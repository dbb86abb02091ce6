package maque.training.imports;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import maque.runtime.Json;
import maque.runtime.Teacher;
import maque.runtime.TextEncoder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Imported encoders give ONNX Runtime's last hidden states, on 200 real texts of mixed length in
 * each language.
 */
class HiddenStatesTest {
  private static final double BOUND = 1e-4;
  private static final int TEXTS = 200;

  @TempDir Path scratch;

  @Test
  void bgeSmallZhOnChineseTexts() throws IOException, OrtException {
    compare(Artifacts.BGE, mixed(chineseTexts()));
  }

  @Test
  void allMiniLmOnGlosses() throws IOException, OrtException {
    compare(Artifacts.MINILM, mixed(glosses()));
  }

  private void compare(String model, List<String> texts) throws IOException, OrtException {
    Path directory =
        OnnxBert.importJar(Artifacts.jar(model), scratch.resolve("encoder")).directory();
    IntSummaryStatistics lengths = new IntSummaryStatistics();
    double worst = 0;
    try (Teacher teacher = Teacher.load(directory);
        InputStream onnx = HiddenStatesTest.class.getResourceAsStream("/" + model + ".onnx");
        OrtEncoder reference = new OrtEncoder(onnx.readAllBytes())) {
      TextEncoder encoder = teacher.encoder();
      for (String text : texts) {
        int[] ids = encoder.encode(text).ids();
        lengths.accept(ids.length);
        worst = Math.max(worst, difference(reference.hiddenStates(ids), teacher.hiddenStates(ids)));
      }
    }
    assertEquals(TEXTS, lengths.getCount());
    assertTrue(lengths.getMin() < 8 && lengths.getMax() > 100, () -> "lengths " + lengths);
    assertTrue(worst <= BOUND, "hidden states differ by " + worst);
  }

  private static double difference(float[][] expected, float[][] actual) {
    assertEquals(expected.length, actual.length);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i].length, actual[i].length);
      for (int j = 0; j < expected[i].length; j++) {
        double d = Math.abs(expected[i][j] - actual[i][j]);
        worst = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(worst, d);
      }
    }
    return worst;
  }

  /** Every text as it is, but each tenth a piece of one, and each tenth twelve in one. */
  private static List<String> mixed(List<String> texts) {
    List<String> mixed = new ArrayList<>();
    for (int i = 0; i < TEXTS; i++) {
      String text = texts.get(i);
      switch (i % 10) {
        case 3 -> mixed.add(text.substring(0, Math.min(4, text.length())));
        case 7 -> mixed.add(String.join(" ", texts.subList(i, i + 12)));
        default -> mixed.add(text);
      }
    }
    return mixed;
  }

  static List<String> chineseTexts() throws IOException {
    try (InputStream in = HiddenStatesTest.class.getResourceAsStream("/zh-texts.json")) {
      List<?> rows = (List<?>) Json.parse(in.readAllBytes(), "zh-texts.json");
      return rows.stream().map(row -> (String) ((Map<?, ?>) row).get("text")).toList();
    }
  }

  /** Definitions of nouns, spread over WordNet's data file; a gloss follows the bar of its line. */
  private static List<String> glosses() throws IOException {
    String file = "/net/sf/extjwnl/data/wordnet/wn31/data.noun";
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                HiddenStatesTest.class.getResourceAsStream(file), StandardCharsets.UTF_8))) {
      List<String> all =
          reader
              .lines()
              .filter(line -> line.contains(" | "))
              .map(line -> line.substring(line.indexOf('|') + 2).trim())
              .collect(Collectors.toList());
      List<String> chosen = new ArrayList<>();
      for (int i = 0; i < TEXTS + 12; i++) {
        chosen.add(all.get(i * 311));
      }
      return chosen;
    }
  }
}
