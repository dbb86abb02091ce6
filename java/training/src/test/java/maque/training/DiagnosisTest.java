package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import maque.runtime.TextEncoders;
import org.junit.jupiter.api.Test;

class DiagnosisTest {
  private static final int TEXTS = 400;
  private static final List<String> VOCAB =
      List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "x", "y");
  private static final DataCheck.Reader READER =
      new DataCheck.Reader(
          TextEncoders.of(
              Map.of("model_type", "maque-sequence", "max_tokens", 1000L, "clean", "none"), VOCAB),
          10,
          1);

  private static DataSet data(String prefix) {
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < TEXTS; i++) {
      examples.add(new Example(prefix + " a b " + (i % 5 == 0 ? "zzz" : "c"), i % 4));
    }
    return DataSet.of(prefix, examples, List.of("p", "q", "r", "s"));
  }

  /** Logits that are right where {@code right} says so. */
  private static float[][] logits(IntPredicate right) {
    float[][] logits = new float[TEXTS][4];
    for (int i = 0; i < TEXTS; i++) {
      logits[i][(i + (right.test(i) ? 0 : 1)) % 4] = 3;
    }
    return logits;
  }

  private static Map<String, Object> training(long labelled, long transfer) {
    return Map.of(
        "options",
        Map.of("soft_weight", 1.0, "soft_loss", "kl", "temperature", 2.0),
        "inputs",
        Map.of("train", Map.of("examples", labelled), "transfer", Map.of("texts", transfer)));
  }

  private static List<Diagnosis.Finding> of(
      float[][] teacher,
      float[][] student,
      float[][] studentOnTrain,
      Map<String, Object> training) {
    return Diagnosis.of(
        new Diagnosis.Evidence(
            data("x"),
            data("y"),
            teacher,
            logits(i -> true),
            List.<float[][]>of(student),
            studentOnTrain,
            READER,
            training,
            0));
  }

  private static Diagnosis.Finding finding(List<Diagnosis.Finding> findings, String title) {
    return findings.stream().filter(each -> each.title().equals(title)).findFirst().orElseThrow();
  }

  @Test
  void aTeacherThatIsWorseComesFirst() {
    List<Diagnosis.Finding> findings =
        of(logits(i -> i % 2 == 0), logits(i -> i % 10 > 0), logits(i -> true), training(9, 9));
    assertEquals("the teacher is no better than the student", findings.get(0).title());
    assertTrue(findings.get(0).advice().contains("--tune"));
  }

  @Test
  void underfittingAndOverfittingAreToldApart() {
    float[][] teacher = logits(i -> true);
    float[][] student = logits(i -> i % 5 > 0);
    List<Diagnosis.Finding> under =
        of(teacher, student, logits(i -> i % 5 > 0), training(10_000, 90_000));
    assertTrue(finding(under, "the student does not fit its training texts").matters());
    assertFalse(finding(under, "what the student has learnt does not carry over").matters());
    List<Diagnosis.Finding> over =
        of(teacher, student, logits(i -> true), training(10_000, 90_000));
    assertFalse(finding(over, "the student does not fit its training texts").matters());
    assertTrue(finding(over, "what the student has learnt does not carry over").matters());
    assertEquals(
        10, finding(over, "what the student has learnt does not carry over").weight(), 1e-9);
  }

  /** The student is wrong where a word is unknown, and only there. */
  @Test
  void unknownTokensExplainTheirTexts() {
    Diagnosis.Finding unknown =
        finding(
            of(
                logits(i -> true),
                logits(i -> i % 5 > 0),
                logits(i -> true),
                training(10_000, 90_000)),
            "unknown tokens");
    assertEquals(20, unknown.weight(), 1e-9);
    assertTrue(unknown.figure().contains("100.0 points on the 80 texts"), unknown.figure());
  }

  @Test
  void fewTextsWeighAndManyDoNot() {
    float[][] all = logits(i -> true);
    assertTrue(finding(of(all, all, all, training(200, 0)), "too few texts").matters());
    assertFalse(finding(of(all, all, all, training(200, 50_000)), "too few texts").matters());
  }

  @Test
  void findingsAreOrderedByWeight() {
    List<Diagnosis.Finding> findings =
        of(logits(i -> true), logits(i -> i % 5 > 0), logits(i -> i % 3 > 0), training(10, 10));
    assertTrue(
        IntStream.range(1, findings.size())
            .allMatch(i -> findings.get(i - 1).weight() >= findings.get(i).weight()));
    for (Diagnosis.Finding finding : findings) {
      assertEquals(finding.matters(), !finding.advice().isEmpty(), finding.title());
      assertFalse(finding.figure().isEmpty());
    }
  }
}
