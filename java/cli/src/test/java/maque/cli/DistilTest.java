package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The experiment from text files to verdict, on a task that a few epochs solve. */
class DistilTest {
  @TempDir private static Path folder;

  private static Path encoder;
  private static Path out;
  private static Tiny.Outcome outcome;

  @BeforeAll
  static void distil() throws IOException {
    Tiny.data(folder.resolve("train.jsonl"), 120, 1);
    Tiny.data(folder.resolve("dev.jsonl"), 40, 2);
    Tiny.data(folder.resolve("test.jsonl"), 60, 3);
    Tiny.lines(folder.resolve("more.txt"), 80, 4);
    encoder = folder.resolve("encoder");
    Tiny.maque("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder);
    out = folder.resolve("run");
    outcome = Tiny.maque(command(out).toArray());
    assertEquals(0, outcome.code(), outcome.err());
  }

  private static List<Object> command(Path out, Object... more) {
    List<Object> words =
        new ArrayList<>(
            List.of(
                "distil",
                "--encoder",
                encoder,
                "--teacher-options",
                "--epochs 6 --lr 3e-3",
                "--train",
                folder.resolve("train.jsonl"),
                "--dev",
                folder.resolve("dev.jsonl"),
                "--test",
                folder.resolve("test.jsonl"),
                "--unlabelled",
                folder.resolve("more.txt"),
                "--label-limit",
                40,
                "--draw",
                "even",
                "--seeds",
                2,
                "--embedding-size",
                12,
                "--ngram-buckets",
                1024,
                "--ngram-width",
                4,
                "--hidden-size",
                8,
                "--head",
                8,
                "--epochs",
                4,
                "--lr",
                "1e-2",
                "--alone",
                "--kind sequence --embedding-size 8 --hidden-size 4 --head 4 --epochs 2",
                "--alone",
                "--kind document --train-vectors --embedding-size 8 --hidden-size 4 --epochs 2",
                "--out",
                out));
    words.addAll(List.of(more));
    return words;
  }

  private static JsonNode summary(Path run) throws IOException {
    return new ObjectMapper().readTree(run.resolve("summary.json").toFile());
  }

  @Test
  void theSummaryHasTheThreeAndTheVerdict() throws IOException {
    JsonNode summary = summary(out);
    for (String way : List.of("teacher", "alone", "distilled", "embeddings", "bag")) {
      for (String figure : List.of("accuracy", "macro_f1", "seconds")) {
        assertTrue(summary.path(way).path(figure).isNumber(), way + " " + summary);
      }
    }
    String verdict = summary.path("verdict").asText();
    assertTrue(List.of("PAYS", "DOES NOT PAY", "NOT PROVEN").contains(verdict), verdict);
    assertTrue(outcome.out().startsWith(verdict + ": "), outcome.out());
    assertEquals(2, summary.path("distilled").path("accuracies").size());
    JsonNode tried = summary.path("alone").path("tried");
    assertEquals(2, tried.size());
    int best =
        tried.path(0).path("dev_accuracy").asDouble()
                >= tried.path(1).path("dev_accuracy").asDouble()
            ? 0
            : 1;
    assertEquals(
        tried.path(best).path("options").asText(), summary.path("alone").path("options").asText());
    assertEquals(40, summary.path("data").path("train").path("texts").asInt());
    assertEquals(80 + 80, summary.path("data").path("unlabelled").path("texts").asInt());
  }

  @Test
  void theServedStudentRecordsWhatTestSaysOfIt() throws IOException {
    JsonNode training =
        new ObjectMapper().readTree(out.resolve("student").resolve("training.json").toFile());
    JsonNode test = training.path("metrics").path("test");
    assertEquals(60, test.path("examples").asInt(), training.toString());
    String served = summary(out).path("served").asText();
    assertEquals(
        -1,
        Files.mismatch(
            out.resolve("student").resolve("model.safetensors"),
            out.resolve("students").resolve(served).resolve("model.safetensors")));
    Tiny.Outcome answer = Tiny.maque("predict", "--student", out.resolve("student"), "old horse");
    assertEquals(0, answer.code(), answer.err());
  }

  @Test
  void theDrawIsEven() throws IOException {
    List<String> lines = Files.readAllLines(out.resolve("data").resolve("train.jsonl"));
    assertEquals(40, lines.size());
    assertEquals(20, lines.stream().filter(line -> line.contains("plant")).count());
  }

  @Test
  void theSameCommandDoesNothingTwiceAndGivesTheSame() throws IOException {
    byte[] before = Files.readAllBytes(out.resolve("summary.json"));
    byte[] student = Files.readAllBytes(out.resolve("student").resolve("maque.json"));
    Tiny.Outcome again = Tiny.maque(command(out).toArray());
    assertEquals(0, again.code(), again.err());
    assertEquals(outcome.out(), again.out());
    assertFalse(again.err().contains("steps in"), again.err());
    assertEquals(new String(before), Files.readString(out.resolve("summary.json")));
    Path other = folder.resolve("again");
    assertEquals(0, Tiny.maque(command(other, "--threads", 2).toArray()).code());
    assertEquals(
        new String(student), Files.readString(other.resolve("student").resolve("maque.json")));
  }

  @Test
  void theReportHasItAllAndNeedsNothingElse() throws IOException {
    Tiny.Outcome again = Tiny.maque(command(out, "--curves").toArray());
    assertEquals(0, again.code(), again.err());
    String html = Files.readString(out.resolve("report.html"));
    assertTrue(html.contains(summary(out).path("verdict_text").asText()), html);
    for (String heading :
        List.of(
            "Models",
            "Comparisons",
            "What accuracy costs",
            "Learning curves",
            "Accuracy and the number of texts",
            "Calibration",
            "Classes",
            "Where teacher and student differ most",
            "Data",
            "What was tried",
            "How to repeat this")) {
      assertTrue(html.contains("<h2>" + heading + "</h2>"), heading);
    }
    assertTrue(html.contains("the other texts unlabelled"), "the curve of labels");
    assertTrue(html.contains("What deferring gains"), "deferral");
    assertTrue(html.contains(summary(out).path("data").path("test").path("sha256").asText()));
    for (String part : List.of("http:", "https:", "<script", "<link", "<img", "@import", "NaN")) {
      assertFalse(html.contains(part), part);
    }
  }

  @Test
  void whatWasRecordedIsVerified() throws IOException {
    for (String file : List.of("dev.jsonl", "test.jsonl")) {
      for (Path model : List.of(out, out.resolve("student"))) {
        Tiny.Outcome verified = Tiny.maque("verify", model, "--data", folder.resolve(file));
        assertEquals(0, verified.code(), verified.err() + verified.out());
        assertTrue(verified.out().endsWith("verified\n"), verified.out());
      }
    }
    Tiny.Outcome other =
        Tiny.maque("verify", out.resolve("student"), "--data", folder.resolve("train.jsonl"));
    assertEquals(1, other.code());
    assertTrue(other.errorLine().contains("SHA-256"), other.err());
  }

  @Test
  void whatDiffersFromItsRecordIsToldByTheExitCode() throws IOException {
    Path changed = Files.createDirectories(folder.resolve("changed"));
    Files.createSymbolicLink(changed.resolve("students"), out.resolve("students"));
    Files.createSymbolicLink(changed.resolve("teacher"), out.resolve("teacher"));
    String summary = Files.readString(out.resolve("summary.json"));
    double accuracy =
        summary(out).path("distilled").path("runs").path(0).path("accuracy").asDouble();
    Files.writeString(
        changed.resolve("summary.json"),
        summary.replace("\"accuracy\": " + accuracy, "\"accuracy\": 0.125"));
    Tiny.Outcome outcome =
        Tiny.maque("verify", changed, "--data", folder.resolve("test.jsonl"), "--json");
    assertEquals(1, outcome.code(), outcome.err());
    assertTrue(outcome.out().startsWith("{\"same\":false"), outcome.out());
    assertEquals(
        0,
        Tiny.maque("verify", changed, "--data", folder.resolve("test.jsonl"), "--tolerance", "1")
            .code());
  }

  @Test
  void modelsAreRebuiltByteForByte() {
    Tiny.Outcome teacher =
        Tiny.maque(
            "rebuild",
            out.resolve("teacher"),
            "--encoder",
            encoder,
            "--train",
            out.resolve("data").resolve("train.jsonl"),
            "--dev",
            folder.resolve("dev.jsonl"),
            "--out",
            folder.resolve("teacher-again"));
    assertEquals(0, teacher.code(), teacher.err() + teacher.out());
    Tiny.Outcome student = rebuild(out, "train.jsonl", folder.resolve("student-again"), null);
    assertEquals(0, student.code(), student.err() + student.out());
    assertTrue(student.out().contains("byte for byte"), student.out());
    Tiny.Outcome wrong = rebuild(out, "rest.jsonl", folder.resolve("student-wrong"), null);
    assertEquals(1, wrong.code());
    assertTrue(wrong.errorLine().contains("rest.jsonl"), wrong.err());
    assertFalse(Files.exists(folder.resolve("student-wrong")));
  }

  /**
   * Rebuilds a run's served student.
   *
   * @param key whose soft targets they are; null: those of the run's teacher
   */
  private static Tiny.Outcome rebuild(Path run, String train, Path again, String key) {
    List<Object> words =
        new ArrayList<>(
            List.of(
                "rebuild",
                run.resolve("student"),
                "--teacher",
                run.resolve("teacher"),
                "--soft-targets",
                run.resolve("soft-targets"),
                "--train",
                run.resolve("data").resolve(train),
                "--dev",
                folder.resolve("dev.jsonl"),
                "--unlabelled",
                run.resolve("data").resolve("rest.jsonl"),
                "--unlabelled",
                folder.resolve("more.txt"),
                "--out",
                again));
    if (key != null) {
      words.addAll(List.of("--soft-key", key));
    }
    return Tiny.maque(words.toArray());
  }

  @Test
  void aDiagnosisNamesFiguresAndWhatToTry() throws IOException {
    Tiny.Outcome text = diagnose(out.resolve("soft-targets"));
    assertTrue(text.out().contains("too few texts"), text.out());
    assertTrue(text.out().contains("  try:   "), text.out());
    Tiny.Outcome json = diagnose(out.resolve("soft-targets"), "--json");
    JsonNode findings = new ObjectMapper().readTree(json.out()).path("findings");
    assertTrue(findings.size() > 8, json.out());
    assertTrue(findings.path(0).path("matters").asBoolean(), json.out());
  }

  private static Tiny.Outcome diagnose(Path store, Object... more) {
    List<Object> words =
        new ArrayList<>(
            List.of(
                "diagnose",
                "--teacher",
                out.resolve("teacher"),
                "--student",
                out.resolve("student"),
                "--student",
                out.resolve("students").resolve("distilled-seed1"),
                "--data",
                folder.resolve("dev.jsonl"),
                "--train",
                out.resolve("data").resolve("train.jsonl"),
                "--soft-targets",
                store));
    words.addAll(List.of(more));
    Tiny.Outcome outcome = Tiny.maque(words.toArray());
    assertEquals(0, outcome.code(), outcome.err());
    return outcome;
  }

  @Test
  void severalCrossFittedTeachersTeachTogether() throws IOException {
    Path run = folder.resolve("together");
    Object[] more = {"--teachers", 2, "--folds", 3, "--seeds", 1};
    Tiny.Outcome made = Tiny.maque(without(command(run, more), "--seeds", "--teacher-options"));
    assertEquals(0, made.code(), made.err());
    JsonNode summary = summary(run);
    assertEquals(2, summary.path("teacher").path("runs").size());
    assertTrue(summary.path("ensemble").path("accuracy").isNumber(), summary.toString());
    assertEquals(0, summary.path("ensemble").path("runs").size());
    assertTrue(summary.has("gap_closed_to_ensemble"));
    assertTrue(made.out().contains("8 teachers together"), made.out());
    for (String held : List.of("teacher-without-3", "teacher-2-without-1")) {
      assertTrue(Files.exists(run.resolve("folds").resolve(held).resolve("maque.json")), held);
    }
    assertTrue(Files.readString(run.resolve("report.html")).contains("8 teachers together"));
    for (String file : List.of("dev.jsonl", "test.jsonl")) {
      Tiny.Outcome verified = Tiny.maque("verify", run, "--data", folder.resolve(file));
      assertEquals(0, verified.code(), verified.err() + verified.out());
    }
    String key =
        new ObjectMapper()
            .readTree(run.resolve("student").resolve("training.json").toFile())
            .path("inputs")
            .path("teacher")
            .asText();
    Tiny.Outcome again = rebuild(run, "train.jsonl", folder.resolve("together-again"), key);
    assertEquals(0, again.code(), again.err() + again.out());
    Tiny.Outcome alone = rebuild(run, "train.jsonl", folder.resolve("together-wrong"), null);
    assertEquals(1, alone.code());
    assertTrue(alone.errorLine().contains("was made with teacher of SHA-256"), alone.err());
    Tiny.Outcome fold = rebuildFold(run, "1/3", folder.resolve("fold-again"));
    assertEquals(0, fold.code(), fold.err() + fold.out());
    Tiny.Outcome other = rebuildFold(run, "2/3", folder.resolve("fold-wrong"));
    assertEquals(1, other.code());
    assertTrue(other.errorLine().contains("was made with train of SHA-256"), other.err());
    assertEquals(2, rebuildFold(run, "4/3", folder.resolve("fold-wrong")).code());
    assertEquals(2, rebuildFold(run, "second", folder.resolve("fold-wrong")).code());
    assertFalse(Files.exists(folder.resolve("fold-wrong")));
  }

  /** Rebuilds the second teacher that did not see the first of three parts. */
  private static Tiny.Outcome rebuildFold(Path run, String without, Path again) {
    return Tiny.maque(
        "rebuild",
        run.resolve("folds").resolve("teacher-2-without-1"),
        "--without-fold",
        without,
        "--encoder",
        encoder,
        "--train",
        run.resolve("data").resolve("train.jsonl"),
        "--dev",
        folder.resolve("dev.jsonl"),
        "--out",
        again);
  }

  /** A command without the first of an option that is given twice, and without other options. */
  private static Object[] without(List<Object> command, String twice, String... others) {
    List<Object> words = new ArrayList<>(command);
    List<String> removed = new ArrayList<>(List.of(others));
    removed.add(twice);
    for (String option : removed) {
      int at = words.indexOf(option);
      words.subList(at, at + 2).clear();
    }
    return words.toArray();
  }

  @Test
  void givenTeachersTeachTogether() throws IOException {
    Path run = folder.resolve("given");
    Tiny.Outcome made =
        Tiny.maque(
            "distil",
            "--teacher",
            out.resolve("teacher"),
            "--teacher",
            folderOfASecondTeacher(),
            "--train",
            folder.resolve("train.jsonl"),
            "--dev",
            folder.resolve("dev.jsonl"),
            "--test",
            folder.resolve("test.jsonl"),
            "--kind",
            "bag",
            "--epochs",
            1,
            "--out",
            run);
    assertEquals(0, made.code(), made.err());
    assertEquals(2, summary(run).path("teacher").path("accuracies").size());
    assertTrue(made.out().contains("2 teachers together"), made.out());
  }

  private static Path folderOfASecondTeacher() {
    Path second = folder.resolve("second-teacher");
    Tiny.Outcome made =
        Tiny.maque(
            "train-teacher",
            "--encoder",
            encoder,
            "--train",
            folder.resolve("train.jsonl"),
            "--epochs",
            1,
            "--out",
            second);
    assertEquals(0, made.code(), made.err());
    return second;
  }

  private static Tiny.Outcome withBudget(Path run, String time, String size) {
    return Tiny.maque(
        "distil",
        "--teacher",
        out.resolve("teacher"),
        "--train",
        folder.resolve("train.jsonl"),
        "--dev",
        folder.resolve("dev.jsonl"),
        "--test",
        folder.resolve("test.jsonl"),
        "--budget",
        time,
        "--max-size",
        size,
        "--embedding-size",
        8,
        "--epochs",
        2,
        "--distilled",
        "--hidden-size 4 --head 4",
        "--distilled",
        "--kind sequence --hidden-size 8 --head 8",
        "--alone",
        "--kind document --train-vectors --embedding-size 8 --hidden-size 4 --epochs 1",
        "--out",
        run);
  }

  @Test
  void aBudgetIsKeptOrTheNearestIsTold() throws IOException {
    Path run = folder.resolve("budget");
    Tiny.Outcome tight = withBudget(run, "p99=1000ms", "0.1kB");
    assertEquals(1, tight.code(), tight.out());
    String message = tight.err().strip().lines().reduce((a, b) -> b).orElse("");
    assertTrue(message.contains("none of 6 forms"), message);
    assertTrue(message.contains("the nearest: distilled-"), message);
    assertFalse(Files.exists(run.resolve("student")));
    Tiny.Outcome wide = withBudget(run, "p99=1000ms,median=999ms", "100MB");
    assertEquals(0, wide.code(), wide.err());
    JsonNode summary = summary(run);
    assertEquals(6, summary.path("forms").size());
    double best = 0;
    for (JsonNode form : summary.path("forms")) {
      assertTrue(form.path("fits").asBoolean(), form.toString());
      best = Math.max(best, form.path("dev_accuracy").asDouble());
    }
    assertEquals(best, summary.path("distilled").path("dev_accuracy").asDouble(), 1e-12);
    assertTrue(Files.readString(run.resolve("report.html")).contains("<h2>Budget</h2>"));
    Tiny.Outcome verified =
        Tiny.maque("verify", run.resolve("student"), "--data", folder.resolve("test.jsonl"));
    assertEquals(0, verified.code(), verified.err() + verified.out());
    for (String[] wrong : new String[][] {{"50us", "2MB"}, {"p99=0us", "2MB"}, {"p99=1us", "2"}}) {
      assertEquals(2, withBudget(folder.resolve("none"), wrong[0], wrong[1]).code(), wrong[0]);
    }
  }

  @Test
  void wrongOptionsAreUsageErrors() {
    Path fresh = folder.resolve("fresh");
    usageError(command(fresh, "--teacher", encoder), "either --teacher or --encoder");
    usageError(command(fresh, "--seeds", 0), "--seeds");
    usageError(command(fresh, "--folds", 1), "--folds must be 0 or 2..20");
    usageError(command(fresh, "--teachers", 0), "--teachers must be 1..20");
    usageError(command(fresh, "--alone", "--embeddings teacher"), "takes nothing");
    usageError(command(fresh, "--alone", "--nonsense 3"), "--nonsense");
    usageError(command(fresh, "--distilled", "--epochs x"), "--epochs");
    usageError(command(fresh, "--distilled", "--embeddings vectors"), "--vectors FILE");
    assertFalse(Files.exists(fresh));
  }

  private static void usageError(List<Object> words, String expected) {
    List<Object> kept = new ArrayList<>(words);
    if (kept.lastIndexOf("--seeds") != kept.indexOf("--seeds")) {
      int first = kept.indexOf("--seeds");
      kept.remove(first + 1);
      kept.remove(first);
    }
    Tiny.Outcome wrong = Tiny.maque(kept.toArray());
    assertEquals(2, wrong.code(), wrong.err());
    assertTrue(wrong.errorLine().contains(expected), wrong.err());
  }
}
